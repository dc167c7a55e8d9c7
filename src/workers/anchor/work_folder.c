/* See work_folder.h. */
#include "workers/anchor/work_folder.h"
#include "base/io.h"
#include "base/log.h"
#include "wire/json.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#define PREFIX "work-"
#define NEW "new-" /* in front of it, until it is held */
#define ENDED_MAX 50

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

/* The folder's name, which no other has while its anchor lives, on this machine. */
static int worker_name(const char *folder, char ret[WORKER_ID_SIZE])
{
    char host[64] = "";

    if (gethostname(host, sizeof(host) - 1))
        return FAULT(errno);
    (void)snprintf(ret, WORKER_ID_SIZE, "%s/%s", host, folder);
    return 0;
}

static void empty(int fd, const char *path)
{
    size_t count = 0;

    if (fd >= 0 && io_empty_folder(fd, NULL, &count))
        log_warn("anchor", "%s cannot be emptied", path);
}

/* Unless a living anchor holds it. */
static int leftover_read(struct work_folder *own, int cache_fd, const char *name)
{
    CLEANUP(close_fd) int fd = openat(cache_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    char worker[WORKER_ID_SIZE];
    int r;

    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || json_array_size(own->ended) == ENDED_MAX)
        return 0;
    r = worker_name(name, worker);
    if (r)
        return r;
    empty(fd, name);
    return json_array_append_new(own->ended, json_string(worker)) ? FAULT(ENOMEM) : 0;
}

static int leftovers_read(struct work_folder *own)
{
    CLEANUP(close_folder) DIR *folder = opendir(own->cache_dir);
    struct dirent *entry;
    int r = 0;

    own->ended = json_array();
    if (!own->ended)
        return FAULT(ENOMEM);
    while (r == 0 && folder && (entry = readdir(folder)))
        if (str_starts(str_of(entry->d_name), STR(PREFIX)))
            r = leftover_read(own, dirfd(folder), entry->d_name);
    return r;
}

/* Locks it, and gives it the name by which it is looked for. */
static int hold(struct work_folder *own, const char *unheld)
{
    own->lock_fd = open(unheld, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (own->lock_fd < 0 || flock(own->lock_fd, LOCK_EX))
        return FAULT(errno);
    if (asprintf(&own->path, "%s/%s", own->cache_dir, strrchr(unheld, '/') + sizeof("/" NEW) - 1) < 0) {
        own->path = NULL;
        return FAULT(ENOMEM);
    }
    if (rename(unheld, own->path)) {
        free(take(own->path));
        return FAULT(errno);
    }
    return 0;
}

/* Whoever looks for leftovers sees it when it is locked, and not before. */
static int make(struct work_folder *own)
{
    CLEANUP(free_ptr) char *unheld = NULL;
    int r;

    if (asprintf(&unheld, "%s/" NEW PREFIX "XXXXXX", own->cache_dir) < 0) {
        unheld = NULL;
        return FAULT(ENOMEM);
    }
    if (!mkdtemp(unheld))
        return FAULT(errno);
    r = hold(own, unheld);
    if (r) {
        (void)rmdir(unheld); /* the fault is told */
        return r;
    }
    (void)io_spread_folders(own->path);
    return worker_name(strrchr(own->path, '/') + 1, own->worker_id);
}

int work_folder_take(const char *cache_dir, struct work_folder *ret)
{
    int r;

    *ret = (struct work_folder){.cache_dir = cache_dir, .lock_fd = -1};
    r = leftovers_read(ret);
    return r ? r : make(ret);
}

void work_folder_told(struct work_folder *folder)
{
    const json_t *worker;
    size_t i;

    json_array_foreach (folder->ended, i, worker) {
        CLEANUP(free_ptr) char *path = NULL;

        if (asprintf(&path, "%s%s", folder->cache_dir, strrchr(json_string_value(worker), '/')) < 0)
            path = NULL;
        if (path && rmdir(path) && errno != ENOENT)
            log_warn("anchor", "%s cannot be removed: %s", path, strerror(errno));
    }
}

void work_folder_leave(struct work_folder *folder)
{
    if (folder->path)
        empty(folder->lock_fd, folder->path);
    close_fd(&folder->lock_fd);
    json_free(&folder->ended);
    free(folder->path);
}
