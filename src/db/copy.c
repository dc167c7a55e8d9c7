/* Copies a database file while it is used, by SQLite's backup interface: one snapshot, page by page; then
 * what the redo log alone has. */
#include "base/io.h"
#include "db/batch.h"
#include "db/conn.h"
#include "db/db.h"
#include "db/inject.h"
#include <fcntl.h>
#include <unistd.h>

#define TRIES 3 /* a copy that takes longer than the redo log lasts is made again */

static void sqlite_close(sqlite3 **handle)
{
    (void)sqlite3_close(*handle);
}

/* All in one step: the snapshot is held to the end, and a writer in between does not begin it anew. */
static int copy_pages(sqlite3 *from, sqlite3 *to, const char *path)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int rc = backup ? sqlite3_backup_step(backup, -1) : sqlite3_errcode(to);
    int finished = backup ? sqlite3_backup_finish(backup) : rc;
    if (rc == SQLITE_DONE && finished == SQLITE_OK)
        return 0;
    rc = conn_fault(NULL, rc == SQLITE_DONE ? finished : rc, path);
    return rc > 0 ? FAULT(EIO) : rc;
}

static int sync_file(const char *path)
{
    int fd = io_open(path, O_RDONLY, 0);
    if (fd < 0)
        return fd;
    int rc = io_fsync(fd);
    close_fd(&fd);
    return rc;
}

static int make_private(const char *path)
{
    int fd = io_open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return fd;
    close_fd(&fd);
    return 0;
}

static int copy_file(const char *from, const char *to)
{
    CLEANUP(conn_close) struct conn *source = NULL;
    CLEANUP(sqlite_close) sqlite3 *target = NULL;
    int rc = conn_open(from, (struct conn_options){.cache_kib = 1024}, &source);
    if (rc == 0)
        rc = io_unlink(to);
    if (rc == 0)
        rc = make_private(to);
    if (rc < 0)
        return rc;
    int opened = sqlite3_open_v2(to, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    if (opened == SQLITE_OK) /* it is synced as a whole */
        opened = sqlite3_exec(target, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF", NULL, NULL, NULL);
    if (opened != SQLITE_OK) {
        rc = conn_fault(NULL, opened, to);
        return rc > 0 ? FAULT(EIO) : rc;
    }
    return copy_pages(conn_handle(source), target, to);
}

static int catch_up(const char *to, struct redo *redo)
{
    CLEANUP(conn_close) struct conn *copy = NULL;
    int rc = conn_open(to, (struct conn_options){.cache_kib = 1024, .writes = true}, &copy);
    return rc == 0 ? batch_catch_up(copy, redo) : rc;
}

/* The log is opened first: whoever moves it into the database meanwhile, and removes it, leaves it readable.
 */
static int copy_once(const char *from, const char *to)
{
    CLEANUP(redo_close) struct redo *redo = NULL;
    int rc = redo_open_reading(from, &redo);
    if (rc == 0 || rc == REDO_NONE)
        rc = copy_file(from, to);
    return rc == 0 ? catch_up(to, redo) : rc;
}

int db_copy(const char *from, const char *to)
{
    if (access(from, R_OK) != 0)
        return FAULT(errno);
    int rc = inject_install();
    for (int tries = 0; rc == 0 && tries < TRIES; tries++) {
        rc = copy_once(from, to);
        if (rc != BATCH_AGAIN)
            return rc == 0 ? sync_file(to) : rc;
        rc = 0;
    }
    return rc == 0 ? FAULT(EAGAIN) : rc;
}
