/* Keeps DATA/blobs tidy: makes its folders and sweeps incoming/ at start, unlinks doomed files afterwards.
 *
 * Nothing here decides what may go: a file goes when the database says so, or has no row. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/wake.h"
#include "services/s3/blob_list.h"
#include "services/s3/rewrap.h"
#include "services/service.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>

#define DOOMED_AT_ONCE 256
#define RETRY_MS 60000
#define BUSY_MS 1000 /* while a backup is made */

struct blob_keeper {
    const struct platform *platform;
    pthread_t thread;
    atomic_bool stopping;
};

static int make_folder(const struct platform *platform, const char *name)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/blobs/%s", platform->data_dir, name);
    return len < PATH_MAX ? io_mkdir_parents(path, 0700) : FAULT(ENAMETOOLONG);
}

/* The disk has files where the folder is that they were made in: all of these lie apart. */
static int make_incoming(const struct platform *platform)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/blobs", platform->data_dir);
    int rc = len < PATH_MAX ? io_mkdir_parents(path, 0700) : FAULT(ENAMETOOLONG);
    if (rc != 0)
        return rc;
    (void)io_spread_folders(path);
    return make_folder(platform, "incoming");
}

static int make_folders(const struct platform *platform)
{
    int rc = make_incoming(platform);
    for (unsigned i = 0; rc == 0 && i < 256; i++) {
        unsigned char byte = (unsigned char)i;
        char name[3];
        hex_encode(&byte, 1, name);
        rc = make_folder(platform, name);
    }
    return rc;
}

/* A file in incoming/ that has a row was committed but not moved; one without is half an upload. */
static int sweep_one(struct tx *tx, const struct platform *platform, const char *name)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT id FROM s3_blob WHERE file = $1", "s", name);
    if (rc < 0)
        return rc;
    return rc == 0 ? blob_settle_file(platform, name) : blob_remove_file(platform, name);
}

static void close_folder(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

static int sweep(const struct platform *platform)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/blobs/incoming", platform->data_dir) >= PATH_MAX)
        return FAULT(ENAMETOOLONG);
    CLEANUP(close_folder) DIR *dir = opendir(path);
    if (!dir)
        return FAULT(errno);
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(platform->db, &tx);
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            rc = sweep_one(tx, platform, entry->d_name);
    return rc;
}

/* -EWOULDBLOCK: a backup needs the files (transfer.h, blobs_keep). */
static int lock_files(const struct platform *platform, int *ret_fd)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof(path), "%s/blobs", platform->data_dir) >= PATH_MAX)
        return FAULT(ENAMETOOLONG);
    int fd = io_open(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    *ret_fd = fd;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno;
}

struct doomed {
    char names[DOOMED_AT_ONCE][BLOB_NAME_SIZE];
    size_t count;
};

static int read_doomed(const struct platform *platform, struct doomed *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = db_read(platform->db, &tx);
    if (rc == 0)
        rc = tx_query(tx, &rows, "SELECT file FROM s3_doomed LIMIT $1", "i", (int64_t)DOOMED_AT_ONCE);
    while (rc == 0 && (rc = rows_next(rows)) == 0 && ret->count < DOOMED_AT_ONCE) {
        struct str name = rows_str(rows, 0);
        if (name.len == BLOB_NAME_SIZE - 1)
            memcpy(ret->names[ret->count++], name.ptr, BLOB_NAME_SIZE);
    }
    return rc < 0 ? rc : 0;
}

static int forget_doomed(const struct platform *platform, const struct doomed *doomed)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_begin(platform->db, &tx);
    for (size_t i = 0; rc == 0 && i < doomed->count; i++)
        rc = tx_exec(tx, "DELETE FROM s3_doomed WHERE file = $1", "s", doomed->names[i]);
    return rc != 0 ? rc : db_commit(&tx);
}

/* One round: 0 with *ret_more when there may be more. */
static int unlink_doomed(const struct platform *platform, bool *ret_more)
{
    CLEANUP(free_ptr) struct doomed *doomed = mem_alloc(sizeof(*doomed));
    CLEANUP(close_fd) int lock = -1;
    if (!doomed)
        return FAULT(ENOMEM);
    int rc = lock_files(platform, &lock);
    if (rc == 0)
        rc = read_doomed(platform, doomed);
    for (size_t i = 0; rc == 0 && i < doomed->count; i++)
        rc = blob_remove_file(platform, doomed->names[i]);
    if (rc == 0 && doomed->count > 0)
        rc = forget_doomed(platform, doomed);
    *ret_more = doomed->count == DOOMED_AT_ONCE;
    return rc;
}

/* One round of all that goes. */
static int tidy(const struct platform *platform, bool *ret_more)
{
    bool lists = false, files = false;
    int rc = lists_take_apart(platform, &lists);
    if (rc == 0)
        rc = unlink_doomed(platform, &files);
    *ret_more = lists || files;
    return rc;
}

static void *keep(void *arg)
{
    struct blob_keeper *keeper = arg;
    int rewrapped = blobs_rewrap(keeper->platform, &keeper->stopping);
    if (rewrapped != 0)
        log_warn(
            "s3",
            "objects' data keys could not all be wrapped by the first encryption key (%s): keep the older "
            "keys, and start again to go on",
            strerror(-rewrapped));
    while (!atomic_load(&keeper->stopping)) {
        wake_ticket ticket = wake_look(BLOB_TOPIC);
        bool more = false;
        int rc = tidy(keeper->platform, &more);
        if (rc != 0 && rc != -EWOULDBLOCK)
            log_warn("s3", "removing files of deleted objects failed (%s); trying again in a minute",
                     strerror(-rc));
        if (!more && !atomic_load(&keeper->stopping))
            (void)wake_wait(BLOB_TOPIC, ticket,
                            rc == 0 ? INT64_MAX
                                    : clock_mono_ms() + (rc == -EWOULDBLOCK ? BUSY_MS : RETRY_MS));
    }
    return NULL;
}

int blob_keeper_start(const struct platform *platform, struct blob_keeper **ret)
{
    int rc = blobs_check_keys(platform);
    if (rc == 0)
        rc = make_folders(platform);
    if (rc == 0)
        rc = sweep(platform);
    if (rc != 0)
        return rc;
    struct blob_keeper *keeper = mem_alloc(sizeof(*keeper));
    if (!keeper)
        return FAULT(ENOMEM);
    keeper->platform = platform;
    rc = pthread_create(&keeper->thread, NULL, keep, keeper);
    if (rc != 0) {
        free(keeper);
        return FAULT(rc);
    }
    *ret = keeper;
    return 0;
}

void blob_keeper_stop(struct blob_keeper **keeper)
{
    if (!*keeper)
        return;
    atomic_store(&(*keeper)->stopping, true);
    wake_signal(BLOB_TOPIC);
    pthread_join((*keeper)->thread, NULL);
    free(*keeper);
    *keeper = NULL;
}
