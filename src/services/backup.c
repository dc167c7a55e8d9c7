/* See backup.h. */
#include "services/backup.h"
#include "base/io.h"
#include "base/mem.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DATABASE "slipway.db"
#define FILE_MAX (1 << 20) /* of the small files beside the database */

static int path_in(const char *dir, const char *name, char ret[PATH_MAX])
{
    return snprintf(ret, PATH_MAX, "%s/%s", dir, name) < PATH_MAX ? 0 : FAULT(ENAMETOOLONG);
}

static bool has_database(const char *dir)
{
    char path[PATH_MAX];
    return path_in(dir, DATABASE, path) == 0 && access(path, F_OK) == 0;
}

/* What one that was cut off left beside a database would be taken for the new one's. */
static int remove_logs(const char *to)
{
    static const char *const names[] = {DATABASE "-wal",     DATABASE "-shm",     DATABASE "-redo",
                                        DATABASE ".new-wal", DATABASE ".new-shm", DATABASE ".new-redo"};
    char path[PATH_MAX];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(names); i++) {
        rc = path_in(to, names[i], path);
        if (rc == 0)
            rc = io_unlink(path);
    }
    return rc;
}

/* The database as it is now, under its new name, and the blobs that it has. */
static int copy_state(const char *from, const char *to, struct transfer *ret)
{
    CLEANUP(db_close) struct db *db = NULL;
    char source[PATH_MAX], fresh[PATH_MAX];
    int rc = path_in(from, DATABASE, source);
    if (rc == 0)
        rc = path_in(to, DATABASE ".new", fresh);
    if (rc == 0)
        rc = remove_logs(to);
    if (rc == 0)
        rc = db_copy(source, fresh);
    if (rc == 0)
        rc = db_open(fresh, &db);
    return rc == 0 ? blobs_transfer(db, from, to, ret) : rc;
}

/* ---- the small files: credentials, config, keys */

static void close_folder(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static bool is_small_file(const char *dir, const char *name)
{
    char path[PATH_MAX];
    struct stat found;
    return name[0] != '.' && strcmp(name, "lock") != 0 && strncmp(name, DATABASE, strlen(DATABASE)) != 0 &&
           path_in(dir, name, path) == 0 && lstat(path, &found) == 0 && S_ISREG(found.st_mode) &&
           found.st_size <= FILE_MAX;
}

static int copy_small(const char *from, const char *to, const char *name)
{
    CLEANUP(buf_free) struct buf content = BUF_INIT(FILE_MAX);
    char source[PATH_MAX], target[PATH_MAX];
    int rc = path_in(from, name, source);
    if (rc == 0)
        rc = path_in(to, name, target);
    if (rc == 0)
        rc = io_read_file(source, &content);
    return rc == 0 ? io_write_file_atomic(target, buf_str(&content), 0600) : rc;
}

static int copy_small_files(const char *from, const char *to)
{
    CLEANUP(close_folder) DIR *dir = opendir(from);
    int rc = dir ? 0 : FAULT(errno);
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;)
        if (is_small_file(from, entry->d_name))
            rc = copy_small(from, to, entry->d_name);
    return rc;
}

/* ---- the new state takes the old one's place */

static int sync_all(const char *dir)
{
    int fd = io_open(dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int rc = syncfs(fd) == 0 ? 0 : FAULT(errno);
    close_fd(&fd);
    return rc;
}

static int switch_over(const char *to)
{
    char fresh[PATH_MAX], path[PATH_MAX];
    int rc = path_in(to, DATABASE ".new", fresh);
    if (rc == 0)
        rc = path_in(to, DATABASE, path);
    if (rc == 0)
        rc = remove_logs(to);
    if (rc == 0)
        rc = sync_all(to);
    if (rc == 0)
        rc = io_rename(fresh, path);
    return rc == 0 ? io_fsync_dir(to) : rc;
}

static int sweep(const char *to)
{
    CLEANUP(db_close) struct db *db = NULL;
    char path[PATH_MAX];
    int rc = path_in(to, DATABASE, path);
    if (rc == 0)
        rc = db_open(path, &db);
    return rc == 0 ? blobs_sweep(db, to) : rc;
}

static int copy_all(const char *from, const char *to, struct transfer *ret)
{
    int kept = -1;
    int rc = io_mkdir_parents(to, 0700);
    if (rc == 0)
        rc = blobs_keep(from, &kept);
    if (rc == 0)
        rc = copy_state(from, to, ret);
    if (kept >= 0)
        close_fd(&kept);
    if (rc == 0)
        rc = copy_small_files(from, to);
    return rc == 0 ? switch_over(to) : rc;
}

int backup_make(const char *from, const char *to, struct transfer *ret)
{
    if (!has_database(from))
        return BACKUP_E_NO_DATA;
    int rc = copy_all(from, to, ret);
    return rc == 0 ? sweep(to) : rc;
}

int backup_restore(const char *from, const char *to, struct transfer *ret)
{
    if (!has_database(from))
        return BACKUP_E_NO_DATA;
    if (has_database(to))
        return BACKUP_E_OCCUPIED;
    return copy_all(from, to, ret);
}
