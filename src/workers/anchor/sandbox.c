/* See sandbox.h. */
#include "workers/anchor/sandbox.h"
#include "base/proc.h"
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARGS_MAX 128

struct args {
    const char *list[ARGS_MAX + 1];
    size_t count;
    char links[8][PATH_MAX];
    size_t link_count;
};

static const char *const walls[] = {
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
    "--ro-bind",
    "/usr",
    "/usr",
    "--ro-bind",
    "/etc",
    "/etc",
    "--ro-bind-try",
    "/opt",
    "/opt",
    "--ro-bind-try",
    "/run/systemd/resolve",
    "/run/systemd/resolve",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "--tmpfs",
    "/var/tmp",
};

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

/* /bin and the like are folders of their own or links into /usr: the sandbox has them as this machine does.
 */
static void add_system_folder(struct args *args, const char *path)
{
    struct stat st;
    ssize_t len;

    if (lstat(path, &st))
        return;
    if (!S_ISLNK(st.st_mode)) {
        add_all(args, (const char *const[]){"--ro-bind", path, path}, 3);
        return;
    }
    assert(args->link_count < ARRAY_LEN(args->links));
    len = readlink(path, args->links[args->link_count], PATH_MAX - 1);
    if (len <= 0)
        return;
    args->links[args->link_count][len] = '\0';
    add_all(args, (const char *const[]){"--symlink", args->links[args->link_count++], path}, 3);
}

static int spawn_walled(const struct sandbox_spec *spec, const struct proc_spec *proc, pid_t *ret_pid)
{
    static const char *const folders[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"};
    CLEANUP(free_ptr) struct args *args = calloc(1, sizeof(*args));
    struct proc_spec walled = *proc;

    if (!args)
        return FAULT(ENOMEM);
    add(args, "bwrap");
    add_all(args, walls, ARRAY_LEN(walls));
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        add_system_folder(args, folders[i]);
    add_all(args, (const char *const[]){"--bind", spec->folder, SANDBOX_FOLDER}, 3);
    add_all(args, (const char *const[]){"--ro-bind", spec->steps, SANDBOX_FOLDER "/steps"}, 3);
    add_all(args, (const char *const[]){"--chdir", spec->cwd, "--"}, 3);
    for (const char *const *word = spec->command; *word; word++)
        add(args, *word);
    walled.argv = args->list;
    return proc_spawn(&walled, ret_pid);
}

int sandbox_spawn(const struct sandbox_spec *spec, pid_t *ret_pid)
{
    struct proc_spec proc = {
        .argv = spec->command,
        .envp = spec->envp,
        .stdin_fd = spec->stdin_fd,
        .stdout_fd = spec->stdout_fd,
        .stderr_fd = spec->stderr_fd,
    };

    if (!spec->off)
        return spawn_walled(spec, &proc, ret_pid);
    proc.cwd = spec->cwd;
    return proc_spawn(&proc, ret_pid);
}
