/* An anchor's work folder, CACHE/work-XXXXXX: what its builds lie in, and its name as a worker.
 *
 * It is held by a lock as long as its anchor lives. Whoever ends, killed or not, leaves it, empty at best: by
 * its name the next anchor of that cache folder tells the services whose leases have ended, and removes it
 * once they have been told. */
#pragma once

#include "base/base.h"
#include <jansson.h>

#define WORKER_ID_SIZE 128

struct work_folder {
    const char *cache_dir; /* borrowed */
    char *path;
    int lock_fd; /* -1: none */
    char worker_id[WORKER_ID_SIZE];
    json_t *ended; /* workerIds of the anchors that have left theirs */
};

/* Makes one in cache_dir, which exists. `ret` is to be left also when it fails. */
int work_folder_take(const char *cache_dir, struct work_folder *ret) MUST_USE;
/* The services know of those that ended. */
void work_folder_told(struct work_folder *folder);
void work_folder_leave(struct work_folder *folder);
