/* System calls on files with retries on EINTR, whole writes, and a fault-injection point each. All return 0
 * (or a non-negative value where said) or a negative errno. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include <sys/types.h>
#include <sys/uio.h>

int io_open(const char *path, int flags, mode_t mode) MUST_USE; /* fd; O_CLOEXEC is added */
int io_write_all(int fd, const void *bytes, size_t len) MUST_USE;
int io_pwrite_all(int fd, const void *bytes, size_t len, off_t offset) MUST_USE;
/* Takes O_DIRECT from a descriptor. False: it has none, or it cannot be taken. */
bool io_be_buffered(int fd);
/* One part after the other; changes `parts`. What direct I/O does not take goes through the page cache, now
 * and later. */
int io_pwritev_all(int fd, struct iovec *parts, size_t count, off_t offset) MUST_USE;
int io_pread_all(int fd, void *bytes, size_t len, off_t offset) MUST_USE; /* -EIO when the file is shorter */
ssize_t io_read(int fd, void *bytes, size_t len) MUST_USE;
int io_fsync(int fd) MUST_USE;
int io_fdatasync(int fd) MUST_USE;
int io_fsync_dir(const char *path) MUST_USE;
int io_rename(const char *from, const char *to) MUST_USE;
int io_link(int fd, const char *path) MUST_USE;       /* names a file that was opened by O_TMPFILE */
int io_unlink(const char *path) MUST_USE;             /* 0 also when it was not there */
int io_mkdir(const char *path, mode_t mode) MUST_USE; /* 0 also when it is there already */
int io_mkdir_parents(const char *path, mode_t mode) MUST_USE;
/* Has the folders that are made in this one lie apart on the disk, each with its files (chattr(1), T). On
 * ext4 without a journal a new file costs the more, the more were removed lately near by. False: this file
 * system cannot. */
bool io_spread_folders(const char *path);
/* Appends the whole file to *buf (bounded by its maximum). */
int io_read_file(const char *path, struct buf *buf) MUST_USE;
/* Temporary file beside it, fsync, rename, fsync of the folder. */
int io_write_file_atomic(const char *path, struct str content, mode_t mode) MUST_USE;
/* Removes a folder and all below it without following links, also from folders that are read-only and the
 * caller's; 0 also when it was not there. */
int io_remove_tree(const char *path) MUST_USE;
/* The same of what is a folder; how many it was with all below it is added to *count. */
int io_remove_tree_count(const char *path, size_t *count) MUST_USE;
/* Removes what is in a folder, in the same way; what is called `but` (NULL:
 * nothing) stays with all below it. -ENOTEMPTY: somebody puts things there. */
int io_empty_folder(int fd, const char *but, size_t *count) MUST_USE;
