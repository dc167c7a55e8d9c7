/* See walls.h. Between clone and exec the child shares this process's memory while the calling thread waits,
 * as posix_spawn's does: what runs there makes system calls and nothing else.
 *
 * Two steps, because a pid namespace is for children: the first child joins bubblewrap's user and mount
 * namespaces and leaves for copies; the second, which is its sibling, is the new pid namespace's first
 * process. */
#include "workers/anchor/walls.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000
#define END_MS 2000
#define STACK_BYTES 65536
#define DEEDS_MAX 96
#define ARGS_MAX 128
#define WORDS_MAX 1024
#define HOST_NAME "build"
#define READY "ready\n"
#define COMMAND "printf 'ready\\n' >&2; read x"
#define SAFE (MS_NOSUID | MS_NODEV)
/* linux/landlock.h of Linux 6.12; older headers do not have them. */
#define LANDLOCK_CREATE_RULESET 444 /* system calls */
#define LANDLOCK_RESTRICT_SELF 446
#define LANDLOCK_ABI_SCOPED 6
#define LANDLOCK_VERSION 1U
#define LANDLOCK_ABSTRACT_UNIX_SOCKET 1U

/* One system call of those that make a root. */
enum deed_kind { DEED_MOUNT, DEED_FOLDER, DEED_LINK };

struct deed {
    enum deed_kind kind;
    char *from; /* source, or where a link leads; NULL: none */
    char *to;
    const char *type;
    const char *data;
    unsigned long flags; /* mount's; a folder's mode */
};

struct walls {
    int mount_ns;
    int user_ns; /* -1: this process's own */
    /* lines of the maps that make it this process's user and group again */
    char uid_from_root[32];
    char gid_from_root[32];
    char uid_same[32];
    char gid_same[32];
    int capability_count; /* that this kernel has */
    bool apart;           /* this kernel keeps abstract sockets apart */
    char *folder_to;      /* where the work folder is mounted while the root is made */
    struct deed deeds[DEEDS_MAX];
    size_t deed_count;
};

/* ---- the list of what makes a root */

static char *join(const char *folder, const char *path)
{
    char *whole = NULL;

    return asprintf(&whole, "%s%s", folder, path) < 0 ? NULL : whole;
}

/* Takes `from` and `to`; `to` NULL: out of memory. */
static int deed_add(struct walls *walls, struct deed deed)
{
    assert(walls->deed_count < DEEDS_MAX);
    walls->deeds[walls->deed_count++] = deed;
    return deed.to ? 0 : FAULT(ENOMEM);
}

static bool is_made(const struct walls *walls, const char *folder)
{
    for (size_t i = 0; i < walls->deed_count; i++)
        if (strcmp(walls->deeds[i].to, folder) == 0)
            return true;
    return false;
}

/* The folder and those above it, below the new root. */
static int add_folder(struct walls *walls, const char *path, unsigned long mode)
{
    CLEANUP(free_ptr) char *whole = join(WALLS_ROOT, path);
    char *end = whole ? whole + sizeof(WALLS_ROOT) - 1 : NULL;
    int r = whole ? 0 : FAULT(ENOMEM);

    while (r == 0 && end) {
        CLEANUP(free_ptr) char *folder = NULL;

        end = strchr(end + 1, '/');
        folder = str_dup((struct str){whole, end ? (size_t)(end - whole) : strlen(whole)});
        if (!folder)
            return FAULT(ENOMEM);
        if (!is_made(walls, folder))
            r = deed_add(walls,
                         (struct deed){.kind = DEED_FOLDER, .to = take(folder), .flags = end ? 0755 : mode});
    }
    return r;
}

static int add_place(struct walls *walls, const struct walls_place *place)
{
    char *from = str_dup(str_of(place->link ? place->link : place->path));
    int r;

    if (place->link)
        return deed_add(walls, (struct deed){DEED_LINK, from, join(WALLS_ROOT, place->path), NULL, NULL, 0});
    r = add_folder(walls, place->path, 0755);
    if (r) {
        free(from);
        return r;
    }
    return deed_add(walls,
                    (struct deed){DEED_MOUNT, from, join(WALLS_ROOT, place->path), NULL, NULL, MS_MOVE});
}

static int add_mount(struct walls *walls, const char *path, const char *type, unsigned long flags,
                     const char *data)
{
    return deed_add(walls, (struct deed){DEED_MOUNT, NULL, join(WALLS_ROOT, path), type, data, flags});
}

/* A mount of its own over itself, read-only. */
static int add_cover(struct walls *walls, const char *path)
{
    int r = deed_add(walls, (struct deed){DEED_MOUNT, join(WALLS_ROOT, path), join(WALLS_ROOT, path), NULL,
                                          NULL, MS_BIND});

    return r ? r : add_mount(walls, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC | SAFE, NULL);
}

/* What of /proc is about the machine rather than its processes: root may write there without capabilities. */
static int add_proc(struct walls *walls)
{
    static const char *const machine[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus",
                                          "/proc/fs"};
    int r = add_folder(walls, "/proc", 0555);

    if (r == 0)
        r = add_mount(walls, "/proc", "proc", MS_NOEXEC | SAFE, NULL);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(machine); i++)
        if (access(machine[i], F_OK) == 0)
            r = add_cover(walls, machine[i]);
    return r;
}

static int deeds_make(struct walls *walls, const struct walls_place *places, size_t count, const char *inside)
{
    int r = add_mount(walls, "", "tmpfs", SAFE, "mode=0755");

    for (size_t i = 0; r == 0 && i < count; i++)
        r = add_place(walls, &places[i]);
    if (r == 0)
        r = add_mount(walls, "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
                      "newinstance,ptmxmode=0666,mode=620");
    if (r == 0)
        r = add_mount(walls, "/dev/shm", "tmpfs", SAFE, "mode=1777");
    if (r == 0)
        r = add_folder(walls, "/tmp", 01777);
    if (r == 0)
        r = add_folder(walls, "/var/tmp", 01777);
    if (r == 0)
        r = add_folder(walls, inside, 0755);
    return r ? r : add_proc(walls);
}

/* ---- in the child */

struct entry {
    const struct walls *walls;
    const struct walls_spec *spec;
    char *stack; /* of the second child */
    pid_t pid;
    int error; /* why it did not come to the command; 0: it did */
};

__attribute__((noreturn)) static void fail(struct entry *entry)
{
    entry->error = errno ? errno : EIO;
    _exit(127);
}

static int deed_do(const struct deed *deed)
{
    switch (deed->kind) {
    case DEED_FOLDER:
        return mkdir(deed->to, (mode_t)deed->flags);
    case DEED_LINK:
        return symlink(deed->from, deed->to);
    case DEED_MOUNT:
        return mount(deed->from ? deed->from : "none", deed->to, deed->type, deed->flags, deed->data);
    }
    return -1;
}

static int bind(const char *from, const char *to)
{
    int r = mount(from, to, NULL, MS_BIND, NULL);

    return r ? r : mount("none", to, NULL, MS_REMOUNT | MS_BIND | SAFE, NULL);
}

/* Makes the new root and leaves the old one, with what was not moved out of it. */
static int root_change(const struct entry *entry)
{
    const struct walls *walls = entry->walls;
    mode_t mask = umask(0);
    int r = 0;

    for (size_t i = 0; r == 0 && i < walls->deed_count; i++)
        r = deed_do(&walls->deeds[i]);
    umask(mask);
    if (r == 0)
        r = bind(entry->spec->folder, walls->folder_to);
    if (r == 0)
        r = chdir(WALLS_ROOT);
    if (r == 0)
        r = (int)syscall(SYS_pivot_root, ".", ".");
    if (r == 0)
        r = umount2(".", MNT_DETACH);
    return r ? r : chdir(entry->spec->cwd);
}

static int text_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC), r;

    if (fd < 0)
        return -1;
    r = write(fd, text, strlen(text)) < 0 ? -1 : 0;
    close(fd);
    return r;
}

/* A user namespace of its own, so that nothing which belongs to a user (a keyring) is shared. bubblewrap
 * gives itself user 0 where it needs to: back to the user that this process has. */
static int user_change(const struct walls *walls)
{
    bool root = getuid() == 0;

    if (unshare(CLONE_NEWUSER) || text_write("/proc/self/setgroups", "deny") ||
        text_write("/proc/self/uid_map", root ? walls->uid_from_root : walls->uid_same))
        return -1;
    return text_write("/proc/self/gid_map", root ? walls->gid_from_root : walls->gid_same);
}

static int rights_drop(const struct walls *walls)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -1;
    for (int i = 0; i < walls->capability_count; i++)
        if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0))
            return -1;
    return (int)syscall(SYS_capset, &header, none);
}

/* The network is everybody's, and with it the abstract sockets, by which a descriptor of a build's folder
 * could be given to another build. */
static int sockets_part(const struct walls *walls)
{
    const struct {
        uint64_t handled_fs, handled_net, scoped;
    } rules = {.scoped = LANDLOCK_ABSTRACT_UNIX_SOCKET};
    int fd, r;

    if (!walls->apart)
        return 0;
    fd = (int)syscall(LANDLOCK_CREATE_RULESET, &rules, sizeof(rules), 0);
    if (fd < 0)
        return -1;
    r = (int)syscall(LANDLOCK_RESTRICT_SELF, fd, 0);
    close(fd);
    return r;
}

static void signals_reset(void)
{
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        (void)sigaction(i, &standard, NULL); /* refused for those that cannot be changed */
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* posix_spawn's prototype has the same lack of consts (POSIX.1-2017, exec) */
static char **words(const char *const *list)
{
    return (char **)(uintptr_t)list;
}

static int second(void *arg)
{
    struct entry *entry = arg;
    const struct walls_spec *spec = entry->spec;

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || setsid() < 0 ||
        sethostname(HOST_NAME, sizeof(HOST_NAME) - 1) || root_change(entry) || user_change(entry->walls) ||
        rights_drop(entry->walls) || sockets_part(entry->walls))
        fail(entry);
    for (int i = 0; i < WALLS_FDS; i++)
        if (spec->fds[i] == i ? fcntl(i, F_SETFD, 0) : dup2(spec->fds[i], i) < 0)
            fail(entry);
    if (close_range(WALLS_FDS, ~0U, 0)) /* libraries' own are not all close-on-exec */
        fail(entry);
    signals_reset();
    execve(spec->command[0], words(spec->command), words(spec->envp));
    fail(entry);
}

static int first(void *arg)
{
    struct entry *entry = arg;
    const struct walls *walls = entry->walls;

    if ((walls->user_ns >= 0 && setns(walls->user_ns, CLONE_NEWUSER)) ||
        setns(walls->mount_ns, CLONE_NEWNS) ||
        unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP))
        fail(entry);
    entry->pid =
        clone(second, entry->stack + STACK_BYTES, CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD, entry);
    if (entry->pid < 0)
        fail(entry);
    _exit(0);
}

/* ---- in the parent */

static void reap(pid_t pid)
{
    int status;

    if (pid > 0 && proc_wait(pid, -1, &status))
        FAULT(ECHILD);
}

int walls_spawn(const struct walls *walls, const struct walls_spec *spec, pid_t *ret_pid)
{
    CLEANUP(free_ptr) char *stacks = mem_alloc((size_t)2 * STACK_BYTES);
    struct entry entry = {.walls = walls, .spec = spec, .pid = -1};
    sigset_t all, before;
    pid_t pid;

    if (!stacks)
        return FAULT(ENOMEM);
    entry.stack = stacks + STACK_BYTES;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = clone(first, stacks + STACK_BYTES, CLONE_VM | CLONE_VFORK | SIGCHLD, &entry);
    if (pid < 0)
        entry.error = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    reap(pid);
    if (entry.error) {
        reap(entry.pid);
        return FAULT(entry.error);
    }
    *ret_pid = entry.pid;
    return 0;
}

/* ---- bubblewrap's part, once */

struct builder {
    pid_t pid;
    int hold; /* its command ends when this is closed */
    int info; /* {"child-pid": N} */
    int said; /* READY, or bubblewrap's words */
};

static void builder_end(struct builder *builder)
{
    int status;

    close_fd(&builder->hold);
    if (builder->pid > 0 && proc_wait(builder->pid, END_MS, &status) != 0) {
        proc_kill_group(builder->pid, SIGKILL);
        reap(builder->pid);
    }
    close_fd(&builder->info);
    close_fd(&builder->said);
}

/* What comes within START_MS, up to `end` or the stream's end. */
static int text_read(int fd, char end, char *ret, size_t size)
{
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    size_t len = 0;

    ret[0] = '\0';
    while (len + 1 < size && !memchr(ret, end, len)) {
        ssize_t got = poll(&readable, 1, START_MS) == 1 ? io_read(fd, ret + len, size - 1 - len) : -ETIMEDOUT;

        if (got < 0)
            return (int)got;
        if (got == 0)
            break;
        len += (size_t)got;
        ret[len] = '\0';
    }
    return 0;
}

static int builder_start(const char *const *argv, struct builder *ret)
{
    static const char *const command[] = {"--info-fd", "1", "--", "/bin/sh", "-c", COMMAND};
    const char *list[ARGS_MAX + 1];
    int hold[2] = {-1, -1}, info[2] = {-1, -1}, said[2] = {-1, -1};
    size_t count = 0;
    int r = 0;

    while (count < ARGS_MAX - ARRAY_LEN(command) && argv[count]) {
        list[count] = argv[count];
        count++;
    }
    assert(!argv[count]);
    for (size_t i = 0; i < ARRAY_LEN(command); i++)
        list[count++] = command[i];
    list[count] = NULL;
    if (pipe2(hold, O_CLOEXEC) || pipe2(info, O_CLOEXEC) || pipe2(said, O_CLOEXEC))
        r = FAULT(errno);
    if (r == 0)
        r = proc_spawn(
            &(struct proc_spec){
                .argv = list, .stdin_fd = hold[0], .stdout_fd = info[1], .stderr_fd = said[1]},
            &ret->pid);
    close_fd(&hold[0]);
    close_fd(&info[1]);
    close_fd(&said[1]);
    ret->hold = hold[1];
    ret->info = info[0];
    ret->said = said[0];
    return r;
}

/* The number after "child-pid", as bwrap(1) documents --info-fd. */
static pid_t child_pid(const char *info)
{
    static const char member[] = "\"child-pid\":";
    const char *found = strstr(info, member);

    return found ? (pid_t)strtol(found + sizeof(member) - 1, NULL, 10) : 0;
}

static bool same_namespace(int fd, const char *path)
{
    struct stat ours, theirs;

    return fstat(fd, &theirs) == 0 && stat(path, &ours) == 0 && ours.st_ino == theirs.st_ino;
}

static int namespaces_take(struct walls *walls, pid_t pid)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
    walls->mount_ns = open(path, O_RDONLY | O_CLOEXEC);
    if (walls->mount_ns < 0)
        return -1;
    walls->user_ns = ioctl(walls->mount_ns, NS_GET_USERNS);
    if (walls->user_ns < 0 || fcntl(walls->user_ns, F_SETFD, FD_CLOEXEC))
        return -1;
    if (same_namespace(walls->user_ns, "/proc/self/ns/user"))
        close_fd(&walls->user_ns);
    return 0;
}

static int build(struct walls *walls, const char *const *argv, struct reason *why)
{
    CLEANUP(builder_end) struct builder builder = {.hold = -1, .info = -1, .said = -1};
    char said[WORDS_MAX], info[WORDS_MAX];
    int r = builder_start(argv, &builder);

    if (r == 0)
        r = text_read(builder.said, '\n', said, sizeof(said));
    if (r)
        return reason_set(why, WALLS_E_NONE, "bubblewrap does not start: %s", strerror(-r));
    if (strcmp(said, READY) != 0)
        return reason_set(why, WALLS_E_NONE, "%.*s", (int)strcspn(said, "\n"), said);
    r = text_read(builder.info, '}', info, sizeof(info));
    if (r || namespaces_take(walls, child_pid(info)))
        return reason_set(why, WALLS_E_NONE, "bubblewrap's namespaces cannot be had: %s",
                          strerror(r ? -r : errno));
    return 0;
}

static void maps_make(struct walls *walls)
{
    unsigned uid = getuid(), gid = getgid();

    (void)snprintf(walls->uid_from_root, sizeof(walls->uid_from_root), "%u 0 1", uid);
    (void)snprintf(walls->gid_from_root, sizeof(walls->gid_from_root), "%u 0 1", gid);
    (void)snprintf(walls->uid_same, sizeof(walls->uid_same), "%u %u 1", uid, uid);
    (void)snprintf(walls->gid_same, sizeof(walls->gid_same), "%u %u 1", gid, gid);
}

int walls_new(const char *const *argv, const struct walls_place *places, size_t count, const char *inside,
              struct walls **ret, struct reason *why)
{
    CLEANUP(walls_free) struct walls *walls = mem_alloc(sizeof(*walls));
    int r;

    if (!walls)
        return FAULT(ENOMEM);
    walls->mount_ns = walls->user_ns = -1;
    maps_make(walls);
    while (prctl(PR_CAPBSET_READ, walls->capability_count, 0, 0, 0) >= 0)
        walls->capability_count++;
    walls->apart = syscall(LANDLOCK_CREATE_RULESET, NULL, (size_t)0, LANDLOCK_VERSION) >= LANDLOCK_ABI_SCOPED;
    walls->folder_to = join(WALLS_ROOT, inside);
    r = walls->folder_to ? deeds_make(walls, places, count, inside) : FAULT(ENOMEM);
    if (r == 0)
        r = build(walls, argv, why);
    if (r == 0)
        *ret = take(walls);
    return r;
}

bool walls_part_sockets(const struct walls *walls)
{
    return walls->apart;
}

void walls_free(struct walls **walls)
{
    if (!*walls)
        return;
    for (size_t i = 0; i < (*walls)->deed_count; i++) {
        free((*walls)->deeds[i].from);
        free((*walls)->deeds[i].to);
    }
    close_fd(&(*walls)->mount_ns);
    close_fd(&(*walls)->user_ns);
    free((*walls)->folder_to);
    free(*walls);
    *walls = NULL;
}
