/* Copies of a whole data folder, made while it is served. A backup is a data folder itself, without what is
 * made again: `slipway serve --data` could serve it.
 *
 * Order and crashes: what blobs the new database has is copied first, then the database takes the old one's
 * place, then blobs that only the old one had go. So a backup that is cut off leaves the one before it whole.
 */
#pragma once

#include "services/s3/transfer.h"

enum backup_outcome {
    BACKUP_E_NO_DATA = 1, /* `from` has no database */
    BACKUP_E_OCCUPIED,    /* backup_restore: `to` has one already */
};

/* A later backup into the same folder copies only blobs that are new. The outcomes above, or a fault. */
int backup_make(const char *from, const char *to, struct transfer *ret) MUST_USE;
int backup_restore(const char *from, const char *to, struct transfer *ret) MUST_USE;
