/* Shells that are forks of one that was loaded before. */
#include "base/buf.h"
#include "base/io.h"
#include "base/proc.h"
#include "workers/anchor/seed.h"
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

/* Does what its standard input says. */
static const char *const command[] = {"/bin/sh", "-c", "read -r line; eval \"$line\"", "name", NULL};
static const char *const envp[] = {"PATH=/usr/bin:/bin", "A=b", NULL};

struct fixture {
    struct seed *seed;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_int_equal(seed_new(command, envp, &f->seed), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    seed_free(&f->seed);
    free(f);
    return 0;
}

struct child {
    pid_t pid;
    int in;
    int out;
};

static struct child spawn(struct fixture *f, const char *folder)
{
    int in[2], out[2], r;
    struct child child;

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    r = seed_spawn(f->seed, folder, (int[]){in[0], out[1], out[1]}, &child.pid);
    if (r == SEED_E_NONE)
        skip(); /* this machine's shell is static */
    assert_int_equal(r, 0);
    close(in[0]);
    close(out[1]);
    child.in = in[1];
    child.out = out[0];
    return child;
}

/* What it says to `line`; its end. */
static void say(const struct child *child, const char *line, char *ret, size_t size)
{
    size_t len = 0;
    int status = -1;
    ssize_t got;

    assert_int_equal(io_write_all(child->in, line, strlen(line)), 0);
    assert_int_equal(io_write_all(child->in, "\n", 1), 0);
    while ((got = io_read(child->out, ret + len, size - 1 - len)) > 0)
        len += (size_t)got;
    ret[len] = '\0';
    assert_int_equal(proc_wait(child->pid, -1, &status), 0); /* it is this process's own child */
    assert_int_equal(status, 0);
    close(child->in);
    close(child->out);
}

static void ask(struct fixture *f, const char *line, char *ret, size_t size)
{
    const struct child child = spawn(f, "/tmp");

    say(&child, line, ret, size);
}

static void each_is_a_process_of_its_own(void **state)
{
    const struct child a = spawn(*state, "/tmp"), b = spawn(*state, "/usr");
    char said[256], expected[256];

    assert_int_not_equal(a.pid, b.pid);
    say(&b, "echo $$ $PPID $(ps -o pgid= -p $$) $PWD $0", said, sizeof(said));
    snprintf(expected, sizeof(expected), "%d %d %d /usr name\n", (int)b.pid, (int)getpid(), (int)b.pid);
    assert_string_equal(said, expected);
    say(&a, "echo $$ $PPID $(ps -o pgid= -p $$) $PWD $0", said, sizeof(said));
    snprintf(expected, sizeof(expected), "%d %d %d /tmp name\n", (int)a.pid, (int)getpid(), (int)a.pid);
    assert_string_equal(said, expected);
}

static void nothing_tells_how_it_was_started(void **state)
{
    char said[4096];

    ask(*state, "env | grep -v -e ^PWD= -e ^OLDPWD= -e ^_= -e ^SHLVL= | sort", said, sizeof(said));
    assert_string_equal(said, "A=b\nPATH=/usr/bin:/bin\n");
    ask(*state, "tr '\\0' '\\n' </proc/$$/environ | grep -c LD_; :", said, sizeof(said));
    assert_string_equal(said, "0\n");
    ask(*state, "for fd in 3 4 5 6 7 8 9; do test -e /proc/$$/fd/$fd && echo $fd; done; :", said,
        sizeof(said));
    assert_string_equal(said, "");
    /* this process ignores SIGPIPE; of the C library's own two nobody but it decides */
    ask(*state, "sed -n 's/^Sig[BI].*\\(.......\\)$/\\1/p' /proc/self/status", said, sizeof(said));
    assert_string_equal(said, "0000000\n0000000\n");
}

static void what_one_does_another_does_not_have(void **state)
{
    char said[256];

    ask(*state, "A=c; umask 0; ulimit -c 0; cd /; trap : INT; exec 2>&-", said, sizeof(said));
    ask(*state, "echo $A $PWD; trap; test -e /dev/fd/2 && echo open", said, sizeof(said));
    assert_string_equal(said, "b /tmp\nopen\n");
}

static void a_group_is_killed_at_once(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 50; i++) {
        const struct child child = spawn(f, "/tmp");
        int status = 0;

        proc_kill_group(child.pid, SIGKILL);
        assert_int_equal(proc_wait(child.pid, 10000, &status), 0);
        assert_true(WIFSIGNALED(status));
        close(child.in);
        close(child.out);
    }
}

/* The process that waits in /proc/…/task/…/children and is no shell of a test's. */
static pid_t seed_process(void)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
    assert_int_equal(io_read_file(path, &text), 0);
    assert_int_equal(buf_put(&text, "", 1), 0);
    return (pid_t)strtol(text.ptr, NULL, 10);
}

static void it_starts_anew_when_it_is_gone(void **state)
{
    struct fixture *f = *state;
    char said[64];
    struct child child;
    pid_t pid;

    ask(f, "echo 1", said, sizeof(said));
    pid = seed_process();
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_not_equal(seed_spawn(f->seed, "/", (int[]){0, 1, 2}, &child.pid), 0);
    ask(f, "echo 2", said, sizeof(said));
    assert_string_equal(said, "2\n");
    seed_rest(f->seed);
    assert_int_equal(seed_process(), 0);
    ask(f, "echo 3", said, sizeof(said));
    assert_string_equal(said, "3\n");
}

struct resting {
    struct seed *seed;
    atomic_bool over;
};

static void *rest_often(void *arg)
{
    struct resting *resting = arg;

    while (!resting->over)
        seed_rest(resting->seed);
    return NULL;
}

/* A seed that ends takes none of those with it that were spawned from it, however short ago. */
static void those_spawned_outlive_it(void **state)
{
    struct fixture *f = *state;
    struct resting resting = {.seed = f->seed};
    pthread_t thread;
    char said[64];

    ask(f, "echo here", said, sizeof(said)); /* or none is spawned on this machine */
    assert_int_equal(pthread_create(&thread, NULL, rest_often, &resting), 0);
    for (int i = 0; i < 300; i++) {
        ask(f, "echo here", said, sizeof(said));
        assert_string_equal(said, "here\n");
    }
    resting.over = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void a_folder_that_is_not_there_ends_the_shell(void **state)
{
    const struct child child = spawn(*state, "/nowhere");
    int status = 0;

    assert_int_equal(proc_wait(child.pid, -1, &status), 0);
    assert_int_equal(WEXITSTATUS(status), 127);
    close(child.in);
    close(child.out);
}

static void one_that_was_stopped_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    char said[64];
    pid_t pid = -1;

    ask(f, "echo 1", said, sizeof(said));
    assert_int_equal(kill(seed_process(), SIGSTOP), 0);
    assert_int_equal(seed_spawn(f->seed, "/", (int[]){0, 1, 2}, &pid), -ETIMEDOUT);
    ask(f, "echo 2", said, sizeof(said));
    assert_string_equal(said, "2\n");
}

struct attempt {
    struct seed *seed;
    int r;
};

/* What this thread starts is killed as soon as it is loaded: every program says set_tid_address once. */
static void *spawn_what_is_killed(void *arg)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_set_tid_address, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = ARRAY_LEN(filter), .filter = filter};
    struct attempt *attempt = arg;
    pid_t pid;

    attempt->r =
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
            ? -errno
            : seed_spawn(attempt->seed, "/", (int[]){0, 1, 2}, &pid);
    return NULL;
}

static void one_that_was_killed_as_it_started_is_tried_again_later(void **state)
{
    struct fixture *f = *state;
    struct attempt attempt = {.seed = f->seed};
    pthread_t thread;
    char said[64];
    pid_t pid = -1;

    assert_int_equal(pthread_create(&thread, NULL, spawn_what_is_killed, &attempt), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(attempt.r, SEED_E_LATER);
    assert_int_equal(seed_spawn(f->seed, "/", (int[]){0, 1, 2}, &pid), SEED_E_LATER);
    seed_rest(f->seed);
    ask(f, "echo 1", said, sizeof(said));
    assert_string_equal(said, "1\n");
}

static void a_program_that_does_not_load_it_is_told(void **state UNUSED)
{
    static const char *const is_static[] = {"/sbin/ldconfig", "--version", NULL};
    struct seed *seed = NULL;
    pid_t pid = -1;

    assert_int_equal(access(is_static[0], X_OK), 0);
    assert_int_equal(seed_new(is_static, envp, &seed), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(seed_spawn(seed, "/", (int[]){0, 1, 2}, &pid), SEED_E_NONE);
    assert_int_equal(pid, -1);
    seed_free(&seed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_a_process_of_its_own),
        TEST(nothing_tells_how_it_was_started),
        TEST(what_one_does_another_does_not_have),
        TEST(a_group_is_killed_at_once),
        TEST(it_starts_anew_when_it_is_gone),
        TEST(one_that_was_stopped_is_not_waited_for),
        TEST(one_that_was_killed_as_it_started_is_tried_again_later),
        TEST(those_spawned_outlive_it),
        TEST(a_folder_that_is_not_there_ends_the_shell),
        cmocka_unit_test(a_program_that_does_not_load_it_is_told),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
