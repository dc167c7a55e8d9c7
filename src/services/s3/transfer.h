/* Blobs' files from one data folder to another: for backup and restore. */
#pragma once

#include "db/db.h"
#include <jansson.h>

struct transfer {
    int64_t blobs; /* that the database has in files */
    int64_t bytes;
    int64_t copied_blobs; /* that were not there yet */
    int64_t copied_bytes;
    json_t *missing; /* [{file, why}] that could not be had as they were put; the caller's */
};

/* Until the descriptor is closed no server removes a blob's file from that folder. One that has no files has
 * none to keep: *ret_fd is left alone. */
int blobs_keep(const char *data_dir, int *ret_fd) MUST_USE;
/* Copies what `db` (a copy of `from`'s database) has and `to` has not, compared with its SHA-256 on the way.
 * Files are not synced. What cannot be had is listed, and is no failure. */
int blobs_transfer(struct db *db, const char *from, const char *to, struct transfer *ret) MUST_USE;
/* Removes files of `to` that `db` does not have. */
int blobs_sweep(struct db *db, const char *to) MUST_USE;
