/* Folders as a whole: made with their parents, removed with all below them. */
#include "base/io.h"
#include "base/fail.h"
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEPEST 256 /* each level holds a file descriptor open */
#define LOOKS 3     /* into a folder, until one finds nothing */

int io_mkdir_parents(const char *path, mode_t mode)
{
    CLEANUP(free_ptr) char *part = str_dup(str_of(path));
    if (!part)
        return FAULT(ENOMEM);
    for (char *at = part + 1; part[0] && *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        int r = io_mkdir(part, mode);
        if (r < 0)
            return r;
        *at = '/';
    }
    return io_mkdir(path, mode);
}

bool io_spread_folders(const char *path)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int flags = 0;
    if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags))
        return false;
    flags |= FS_TOPDIR_FL;
    return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

static void close_dir(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

static int remove_below(int parent, const char *name, int depth, size_t *count);

static int remove_folder(int parent, const char *name, int depth, size_t *count)
{
    int r = remove_below(parent, name, depth + 1, count);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if (unlinkat(parent, name, AT_REMOVEDIR))
        return errno == ENOENT ? 0 : FAULT(errno);
    ++*count;
    return 0;
}

/* `is_folder`: it was one just now; else it may be one. */
static int remove_entry(int parent, const char *name, bool is_folder, int depth, size_t *count)
{
    if (fail_now(FAIL_IO))
        return FAULT(EIO);
    if (is_folder)
        return remove_folder(parent, name, depth, count);
    if (unlinkat(parent, name, 0) == 0) {
        ++*count;
        return 0;
    }
    if (errno == ENOENT)
        return 0;
    return errno == EISDIR || errno == EPERM ? remove_folder(parent, name, depth, count) : FAULT(errno);
}

/* Its owner may open what forbids it: builds leave folders that are read-only. No link is followed. */
static int folder_open(int parent, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd < 0 && errno == EACCES && fchmodat(parent, name, S_IRWXU, AT_SYMLINK_NOFOLLOW) == 0)
        fd = openat(parent, name, flags);
    return fd < 0 ? FAULT(errno) : fd;
}

/* False where that is not why something in it is not removed. */
static bool is_made_writable(int folder)
{
    struct stat found;
    return fstat(folder, &found) == 0 && (found.st_mode & S_IRWXU) != S_IRWXU && fchmod(folder, S_IRWXU) == 0;
}

/* `but`: an entry's name that stays, or NULL. */
static int remove_in(DIR *dir, const char *but, int depth, size_t *count)
{
    const int own = dirfd(dir);
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? FAULT(errno) : 0;
        if (str_eqc(STR("."), entry->d_name) || str_eqc(STR(".."), entry->d_name) ||
            (but && strcmp(entry->d_name, but) == 0))
            continue;
        int r = remove_entry(own, entry->d_name, entry->d_type == DT_DIR, depth, count);
        if (r == -EACCES && is_made_writable(own))
            r = remove_entry(own, entry->d_name, entry->d_type == DT_DIR, depth, count);
        if (r < 0)
            return r;
    }
}

/* Takes `fd`. */
static int remove_in_folder(int fd, const char *but, int depth, size_t *count)
{
    CLEANUP(close_dir) DIR *dir = fdopendir(fd);
    if (dir)
        return remove_in(dir, but, depth, count);
    int r = FAULT(errno);
    (void)close(fd);
    return r;
}

static int remove_below(int parent, const char *name, int depth, size_t *count)
{
    if (depth > DEEPEST)
        return FAULT(ELOOP);
    int fd = folder_open(parent, name);
    return fd < 0 ? fd : remove_in_folder(fd, NULL, depth, count);
}

int io_empty_folder(int fd, const char *but, size_t *count)
{
    size_t before;
    int r;
    int looks = 0;
    do {
        int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        before = *count;
        r = own < 0 ? FAULT(errno) : remove_in_folder(own, but, 0, count);
    } while (r == 0 && *count > before && ++looks < LOOKS);
    return r < 0 || *count == before ? r : FAULT(ENOTEMPTY);
}

int io_remove_tree_count(const char *path, size_t *count)
{
    return remove_entry(AT_FDCWD, path, true, 0, count);
}

int io_remove_tree(const char *path)
{
    size_t count = 0;
    return remove_entry(AT_FDCWD, path, false, 0, &count);
}
