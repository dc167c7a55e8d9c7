/* The library that makes a shell a seed (seed.h): the loader calls wait_for_orders before the shell's main.
 * It returns from there in each fork, never in the seed. It uses the C library alone, since the shell has no
 * other. */
#include "workers/anchor/seed/order.h"
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct order {
    char folder[SEED_FOLDER_MAX];
    int fds[SEED_FDS];
};

/* What made it a seed: a build's commands are not to be loaded so. */
static void variables_forget(char **envp)
{
    char **kept = envp;

    for (char **each = envp; *each; each++)
        if (strncmp(*each, "LD_", 3) == 0)
            memset(*each, 0, strlen(*each));
        else
            *kept++ = *each;
    *kept = NULL;
}

static void answer(int32_t word)
{
    if (write(SEED_ORDERS, &word, sizeof(word)) != sizeof(word))
        _exit(0);
}

/* The anchor's end closes when there is nothing more to do. */
static void order_receive(struct order *ret)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(ret->fds))];
    } control;
    struct iovec text = {ret->folder, sizeof(ret->folder) - 1};
    struct msghdr message = {
        .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got;

    do {
        got = recvmsg(SEED_ORDERS, &message, 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0 || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ||
        control.head.cmsg_len != CMSG_LEN(sizeof(ret->fds)))
        _exit(0);
    ret->folder[got] = '\0';
    memcpy(ret->fds, CMSG_DATA(&control.head), sizeof(ret->fds));
}

/* All that were received are above the standard ones. */
static void become(const struct order *order)
{
    for (int i = 0; i < SEED_FDS; i++)
        if (dup2(order->fds[i], i) < 0)
            _exit(127);
    closefrom(SEED_FDS); /* also where the machine has no close_range */
    if (chdir(order->folder))
        _exit(127);
}

/* As fork, with the seed's parent for a parent; clone(2) says whose arguments are in which order. */
static long fork_beside(void)
{
    const unsigned long flags = CLONE_PARENT | SIGCHLD;

#ifdef __s390__
    return syscall(SYS_clone, 0, flags, 0, 0, 0);
#else
    return syscall(SYS_clone, flags, 0, 0, 0, 0);
#endif
}

__attribute__((constructor)) static void wait_for_orders(int argc, char **argv, char **envp)
{
    /* once for all forks: the allocator's own beginning */
    char *volatile warm = malloc(1);

    (void)argc;
    (void)argv;
    free(warm);
    variables_forget(envp);
    close(SEED_IMAGE);
    answer(0);
    for (;;) {
        struct order order;
        long pid;

        order_receive(&order);
        pid = fork_beside();
        if (pid == 0) {
            become(&order);
            return;
        }
        const int32_t word = pid < 0 ? -errno : (int32_t)pid;
        for (int i = 0; i < SEED_FDS; i++)
            close(order.fds[i]); /* before the answer: a build's pipes end with the build */
        answer(word);
    }
}
