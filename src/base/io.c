/* The wrappers of single system calls and of whole small files; io_tree.c has folders. */
#include "base/io.h"
#include "base/fail.h"
#include "base/id.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Evaluates the call until it is not interrupted; the injected failure is EIO. */
#define IO_CALL(call)                                                                                        \
    ({                                                                                                       \
        __typeof__(call) result_;                                                                            \
        do {                                                                                                 \
            if (fail_now(FAIL_IO)) {                                                                         \
                errno = EIO;                                                                                 \
                result_ = -1;                                                                                \
            } else {                                                                                         \
                result_ = (call);                                                                            \
            }                                                                                                \
        } while (result_ < 0 && errno == EINTR);                                                             \
        result_;                                                                                             \
    })

int io_open(const char *path, int flags, mode_t mode)
{
    int fd = IO_CALL(open(path, flags | O_CLOEXEC, mode));
    return fd < 0 ? FAULT(errno) : fd;
}

int io_write_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t wrote = IO_CALL(write(fd, at, len));
        if (wrote < 0)
            return FAULT(errno);
        at += wrote;
        len -= (size_t)wrote;
    }
    return 0;
}

int io_pwrite_all(int fd, const void *bytes, size_t len, off_t offset)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t wrote = IO_CALL(pwrite(fd, at, len, offset));
        if (wrote < 0)
            return FAULT(errno);
        at += wrote;
        offset += wrote;
        len -= (size_t)wrote;
    }
    return 0;
}

/* What is left when so many bytes are written. */
static void skip_written(struct iovec **parts, size_t *count, size_t wrote)
{
    while (*count > 0 && wrote >= (*parts)->iov_len) {
        wrote -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + wrote;
        (*parts)->iov_len -= wrote;
    }
}

bool io_be_buffered(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && flags & O_DIRECT && fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

int io_pwritev_all(int fd, struct iovec *parts, size_t count, off_t offset)
{
    while (count > 0) {
        ssize_t wrote = IO_CALL(pwritev(fd, parts, (int)count, offset));
        if (wrote < 0 && errno == EINVAL && io_be_buffered(fd))
            continue;
        if (wrote < 0)
            return FAULT(errno);
        offset += wrote;
        skip_written(&parts, &count, (size_t)wrote);
    }
    return 0;
}

int io_pread_all(int fd, void *bytes, size_t len, off_t offset)
{
    char *at = bytes;
    while (len > 0) {
        ssize_t got = IO_CALL(pread(fd, at, len, offset));
        if (got < 0)
            return FAULT(errno);
        if (got == 0)
            return FAULT(EIO);
        at += got;
        offset += got;
        len -= (size_t)got;
    }
    return 0;
}

ssize_t io_read(int fd, void *bytes, size_t len)
{
    ssize_t got = IO_CALL(read(fd, bytes, len));
    return got < 0 ? FAULT(errno) : got;
}

int io_fsync(int fd)
{
    return IO_CALL(fsync(fd)) < 0 ? FAULT(errno) : 0;
}

int io_fdatasync(int fd)
{
    return IO_CALL(fdatasync(fd)) < 0 ? FAULT(errno) : 0;
}

int io_fsync_dir(const char *path)
{
    CLEANUP(close_fd) int fd = io_open(path, O_RDONLY | O_DIRECTORY, 0);
    return fd < 0 ? fd : io_fsync(fd);
}

int io_rename(const char *from, const char *to)
{
    return IO_CALL(rename(from, to)) < 0 ? FAULT(errno) : 0;
}

int io_link(int fd, const char *path)
{
    char self[32];
    (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
    return IO_CALL(linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW)) < 0 ? FAULT(errno) : 0;
}

int io_unlink(const char *path)
{
    if (IO_CALL(unlink(path)) < 0 && errno != ENOENT)
        return FAULT(errno);
    return 0;
}

int io_read_file(const char *path, struct buf *buf)
{
    CLEANUP(close_fd) int fd = io_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    for (;;) {
        char block[16384];
        ssize_t got = io_read(fd, block, sizeof(block));
        if (got <= 0)
            return (int)got;
        int r = buf_put(buf, block, (size_t)got);
        if (r < 0)
            return r;
    }
}

static int write_synced(const char *path, struct str content, mode_t mode)
{
    CLEANUP(close_fd) int fd = io_open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0)
        return fd;
    int r = io_write_all(fd, content.ptr, content.len);
    return r < 0 ? r : io_fsync(fd);
}

static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return io_fsync_dir(".");
    size_t len = slash == path ? 1 : (size_t)(slash - path);
    CLEANUP(free_ptr) char *folder = str_dup((struct str){path, len});
    return folder ? io_fsync_dir(folder) : FAULT(ENOMEM);
}

int io_write_file_atomic(const char *path, struct str content, mode_t mode)
{
    CLEANUP(buf_free) struct buf temporary = BUF_INIT(8192);
    char unique[13];
    id_hex(unique, 12);
    (void)buf_printf(&temporary, "%s.%s.tmp", path, unique);
    int r = buf_error(&temporary);
    if (r < 0)
        return r;
    r = write_synced(temporary.ptr, content, mode);
    if (r == 0)
        r = io_rename(temporary.ptr, path);
    if (r < 0) {
        (void)unlink(temporary.ptr);
        return r;
    }
    return sync_folder_of(path);
}

int io_mkdir(const char *path, mode_t mode)
{
    struct stat found;
    if (IO_CALL(mkdir(path, mode)) == 0)
        return 0;
    int err = errno;
    if (err == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode))
        return 0;
    return FAULT(err);
}
