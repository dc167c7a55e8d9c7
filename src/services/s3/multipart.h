/* Multipart uploads: parts are blobs of their own, and stay so when the upload is completed (blob_list.h). */
#pragma once

#include "services/s3/object.h"

#define UPLOAD_ID_SIZE 65
#define PART_MAX 10000
#define PART_MIN_BYTES (5 << 20) /* of every part but the last */

struct multipart {
    char id[UPLOAD_ID_SIZE];
    int64_t started_ms;
    enum checksum_algorithm algorithm; /* CHECKSUM_NONE: not said */
    bool composite;
    struct object_lock lock;
    const char *storage_class; /* NULL: STANDARD */
    int64_t over;              /* sequence of an object that was there since it was begun; 0: none */
    char *headers;
    char *tags;      /* JSON object; NULL: none */
    char *initiator; /* ARN; NULL: nobody has signed it, or it was not kept */
};

void multipart_unload(struct multipart *multipart); /* CLEANUP-able */
/* `new` has the checksum's algorithm and type, and the headers; the id is filled in. */
int multipart_create(struct tx *tx, const char *bucket, const char *key, struct multipart *new) MUST_USE;
/* S3_E_NO_UPLOAD. */
int multipart_load(struct tx *tx, const char *bucket, const char *key, const char *id,
                   struct multipart *ret) MUST_USE;
struct part_new {
    int64_t number; /* one of the same number is replaced */
    struct upload *bytes;
    const char *etag;
    const char *sha256;
    const char *checksum; /* may be empty */
    const char *account;  /* that is charged for it; NULL: the bucket's */
};
/* S3_E_QUOTA. */
int part_put(struct tx *tx, const char *upload_id, const struct part_new *new, int64_t *ret_modified_ms,
             struct reason *why) MUST_USE;
struct part {
    int64_t number;
    int64_t size;
    int64_t blob;
    bool sealed;
    bool damaged; /* known to be */
    char account[USAGE_ACCOUNT_SIZE];
    char etag[ETAG_SIZE];
    char checksum[CHECKSUM_TEXT_SIZE];
};

/* DB_NONE when there is no such part. */
int part_find(struct tx *tx, const char *upload_id, int64_t number, struct part *ret) MUST_USE;
/* The upload with its parts. */
int multipart_remove(struct tx *tx, const char *upload_id) MUST_USE;
/* The same, but those parts' references to their blobs become the caller's. */
int multipart_take(struct tx *tx, const char *upload_id, const struct part *parts, size_t count) MUST_USE;
