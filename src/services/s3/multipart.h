/* Multipart uploads: parts are blobs of their own until the upload is completed into one blob, or aborted. */
#pragma once

#include "services/s3/object.h"

#define UPLOAD_ID_SIZE 65
#define PART_MAX 10000
#define PART_MIN_BYTES (5 << 20) /* of every part but the last */

struct multipart {
    char id[UPLOAD_ID_SIZE];
    int64_t started_ms;
    bool checksum;
    char *headers;
};

void multipart_unload(struct multipart *multipart); /* CLEANUP-able */
/* `checksum`: keep the whole object's SHA-256 as its checksum. Fills ret->id. */
int multipart_create(struct tx *tx, const char *bucket, const char *key, const char *headers, bool checksum,
                     char ret_id[UPLOAD_ID_SIZE]) MUST_USE;
/* S3_E_NO_UPLOAD. */
int multipart_load(struct tx *tx, const char *bucket, const char *key, const char *id,
                   struct multipart *ret) MUST_USE;
/* A part of the same number is replaced. */
int part_put(struct tx *tx, const char *upload_id, int64_t number, const struct upload *bytes,
             const char *etag, const char *sha256) MUST_USE;
/* The upload with its parts. */
int multipart_remove(struct tx *tx, const char *upload_id) MUST_USE;

struct part {
    int64_t number;
    int64_t size;
    int64_t blob;
    char etag[ETAG_SIZE];
};

/* DB_NONE when there is no such part. */
int part_find(struct tx *tx, const char *upload_id, int64_t number, struct part *ret) MUST_USE;
