/* See sandbox.h. */
#include "workers/anchor/sandbox.h"
#include "base/mem.h"
#include "base/proc.h"
#include "workers/anchor/walls.h"
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_MAX 128
#define PLACES_MAX 16

struct args {
    const char *list[ARGS_MAX + 1];
    size_t count;
};

struct sandbox {
    char *work_dir;
    struct walls *walls; /* NULL: bubblewrap builds them for each */
    atomic_bool apart;   /* it did for one all the same */
    struct walls_place places[PLACES_MAX];
    size_t place_count;
    char links[PLACES_MAX][PATH_MAX];
};

static const char *const system_folders[] = {
    "/usr", "/etc", "/opt", "/run/systemd/resolve", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
};

static const char *const namespaces[] = {
    "--unshare-user-try",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--hostname",
    "build",
    "--die-with-parent",
    "--new-session",
    "--cap-drop",
    "ALL",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
};

/* In walls of one's own. /proc/sys: its owner may write there without capabilities, and root owns it. */
static const char *const own_folders[] = {
    "--ro-bind", "/proc/sys", "/proc/sys", "--tmpfs", "/tmp", "--tmpfs", "/var/tmp",
};

/* In walls that are copied: what all copies share can be written by none. */
static const char *const shared_folders[] = {"--dir", WALLS_ROOT, "--remount-ro", "/dev"};

static void add(struct args *args, const char *text)
{
    assert(args->count < ARGS_MAX);
    args->list[args->count++] = text;
    args->list[args->count] = NULL;
}

static void add_all(struct args *args, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add(args, texts[i]);
}

static void add_three(struct args *args, const char *option, const char *from, const char *to)
{
    add_all(args, (const char *const[]){option, from, to}, 3);
}

/* /bin and the like are folders of their own or links into /usr: the sandbox has them as this machine does.
 */
static void place_find(struct sandbox *sandbox, const char *path)
{
    struct walls_place *place = &sandbox->places[sandbox->place_count];
    char *link = sandbox->links[sandbox->place_count];
    struct stat st;
    ssize_t len;

    if (lstat(path, &st))
        return;
    *place = (struct walls_place){.path = path};
    if (S_ISLNK(st.st_mode)) {
        len = readlink(path, link, PATH_MAX - 1);
        if (len <= 0)
            return;
        link[len] = '\0';
        place->link = link;
    }
    sandbox->place_count++;
}

static void add_system(const struct sandbox *sandbox, struct args *args)
{
    add(args, "bwrap");
    add_all(args, namespaces, ARRAY_LEN(namespaces));
    for (size_t i = 0; i < sandbox->place_count; i++) {
        const struct walls_place *place = &sandbox->places[i];

        add_three(args, place->link ? "--symlink" : "--ro-bind", place->link ? place->link : place->path,
                  place->path);
    }
}

/* > 0: this machine does not give copies. */
static int walls_make(struct sandbox *sandbox, struct reason *why)
{
    struct walls_place places[PLACES_MAX + 1];
    struct args args = {0};

    memcpy(places, sandbox->places, sizeof(sandbox->places));
    places[sandbox->place_count] = (struct walls_place){.path = "/dev"};
    add_system(sandbox, &args);
    add_all(&args, shared_folders, ARRAY_LEN(shared_folders));
    add_three(&args, "--bind", sandbox->work_dir, WALLS_WORK);
    return walls_new(args.list, places, sandbox->place_count + 1, SANDBOX_FOLDER, &sandbox->walls, why);
}

int sandbox_new(const char *work_dir, struct sandbox **ret, struct reason *why)
{
    CLEANUP(sandbox_free) struct sandbox *sandbox = mem_alloc(sizeof(*sandbox));
    int r = 0;

    if (!sandbox)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < ARRAY_LEN(system_folders); i++)
        place_find(sandbox, system_folders[i]);
    if (work_dir) {
        sandbox->work_dir = str_dup(str_of(work_dir));
        r = sandbox->work_dir ? walls_make(sandbox, why) : FAULT(ENOMEM);
    }
    if (r < 0)
        return r;
    *ret = take(sandbox);
    return 0;
}

void sandbox_free(struct sandbox **sandbox)
{
    if (!*sandbox)
        return;
    walls_free(&(*sandbox)->walls);
    free((*sandbox)->work_dir);
    free(*sandbox);
    *sandbox = NULL;
}

bool sandbox_ends_at_once(const struct sandbox *sandbox)
{
    return sandbox->walls && walls_part_sockets(sandbox->walls) && !atomic_load(&sandbox->apart);
}

/* WALLS_WORK/… for a path below the work folder. */
static int path_within(const struct sandbox *sandbox, const char *path, char **ret)
{
    assert(str_starts(str_of(path), str_of(sandbox->work_dir)));
    return asprintf(ret, WALLS_WORK "%s", path + strlen(sandbox->work_dir)) < 0 ? FAULT(ENOMEM) : 0;
}

static int spawn_in_copy(const struct sandbox *sandbox, const struct sandbox_spec *spec, pid_t *ret_pid)
{
    CLEANUP(free_ptr) char *folder = NULL;
    struct walls_spec walled = {.cwd = spec->cwd,
                                .command = spec->command,
                                .envp = spec->envp,
                                .fds = {spec->stdin_fd, spec->stdout_fd, spec->stderr_fd}};
    int r = path_within(sandbox, spec->folder, &folder);

    if (r)
        return r;
    walled.folder = folder;
    return walls_spawn(sandbox->walls, &walled, ret_pid);
}

static int spawn_walled(const struct sandbox *sandbox, const struct sandbox_spec *spec,
                        const struct proc_spec *proc, pid_t *ret_pid)
{
    struct proc_spec walled = *proc;
    struct args args = {0};

    add_system(sandbox, &args);
    add_all(&args, own_folders, ARRAY_LEN(own_folders));
    add_three(&args, "--bind", spec->folder, SANDBOX_FOLDER);
    add_three(&args, "--chdir", spec->cwd, "--");
    for (const char *const *word = spec->command; *word; word++)
        add(&args, *word);
    walled.argv = args.list;
    return proc_spawn(&walled, ret_pid);
}

int sandbox_spawn(struct sandbox *sandbox, const struct sandbox_spec *spec, pid_t *ret_pid)
{
    struct proc_spec proc = {
        .argv = spec->command,
        .envp = spec->envp,
        .stdin_fd = spec->stdin_fd,
        .stdout_fd = spec->stdout_fd,
        .stderr_fd = spec->stderr_fd,
    };

    if (!sandbox) {
        proc.cwd = spec->cwd;
        return proc_spawn(&proc, ret_pid);
    }
    if (sandbox->walls && spawn_in_copy(sandbox, spec, ret_pid) == 0)
        return 0; /* where it does not come through it says less than bubblewrap does */
    atomic_store(&sandbox->apart, true);
    return spawn_walled(sandbox, spec, &proc, ret_pid);
}
