/* Objects and their versions: rows of s3_object, one per version or delete marker.
 *
 * Newest first within a key: `rank` is the negated sequence number, so that the first row of (bucket, key) is
 * the current version and every listing is one walk along the index. A version id carries its sequence
 * number, so that a version is found by key, too. The id "null" is the one version of an object put while
 * versioning was not enabled. Inside the caller's transaction; nothing here does I/O. */
#pragma once

#include "services/s3/upload.h"
#include "services/s3/usage.h"
#include "services/s3/bucket.h"
#include "services/s3/checksum.h"
#include "services/s3/lock.h"

#define VERSION_ID_SIZE 33
#define ETAG_SIZE 48 /* 32 hex digits, and "-10000" for multipart */
#define SHA256_SIZE 65
#define SEQUENCE_DIGITS 11 /* base 62 of 63 bits */

struct object {
    int64_t sequence;
    char version_id[VERSION_ID_SIZE];
    bool marker; /* a delete marker: what follows is empty */
    int64_t size;
    char etag[ETAG_SIZE]; /* without quotes */
    char sha256[SHA256_SIZE];
    struct checksum_value checksum;
    int64_t parts; /* that it was made of; 0: it was put as a whole */
    int64_t modified_ms;
    int64_t blob;
    bool sealed;                      /* encrypted at rest */
    const char *storage_class;        /* NULL: STANDARD */
    char account[USAGE_ACCOUNT_SIZE]; /* that is charged for it */
    struct object_lock lock;
    char *tags;    /* JSON object; NULL: none */
    char *headers; /* "name:value\n" lines: Content-Type and the like, and x-amz-meta-* */
};

void object_unload(struct object *object); /* CLEANUP-able */

/* The current version (version_id NULL), or the given one, into a zeroed *ret. A delete marker is found like
 * any other. S3_E_NO_KEY, S3_E_NO_VERSION. */
int object_find(struct tx *tx, const char *bucket, const char *key, const char *version_id,
                struct object *ret) MUST_USE;

/* What a look at an object is about (db_look), at its versions, their parts and bytes, and the uploads to its
 * key, but not at what they have by now. Whatever changes settings of the bucket, rights or an object's tags
 * and lock touches anything. Bytes that are given in the place of damaged ones are their digest's: whoever
 * shares them may see that before it is durable. */
uint64_t object_subject(const char *bucket, const char *key);

/* The version that a multipart upload became. S3_E_NO_KEY. */
int object_find_uploaded(struct tx *tx, const char *bucket, const char *key, const char *upload_id,
                         struct object *ret) MUST_USE;

/* What becomes a new version. */
struct object_new {
    const char *key;
    const char *etag;
    const char *sha256;
    int64_t size;
    struct checksum_value checksum;
    int64_t parts;
    const char *upload_id; /* of a multipart upload, for which it is told again; NULL: none */
    const char *headers;
    const char *tags;          /* JSON object; NULL: none */
    const char *storage_class; /* NULL: STANDARD */
    struct object_lock lock;   /* completed by the bucket's default */
    const char *event;         /* "ObjectCreated:Put" */
    struct upload *upload;     /* its bytes; or NULL: */
    int64_t shared_blob;       /* a blob that exists, to be shared, */
    bool shared_sealed;        /* whether it is encrypted, */
    bool shared_held;          /* and a reference to it is the caller's, to become the object's */
    bool if_none_match;        /* refuse when there is a current version, */
    int64_t over;              /* or none any more: that was there since the upload was begun; 0: none was */
    const char *if_match;      /* refuse unless the current version has this ETag; NULL: no matter */
};

/* Fills sequence, version_id, modified_ms of *ret. S3_E_PRECONDITION, S3_E_CONFLICT, S3_E_NO_KEY (if_match
 * without object), S3_E_QUOTA, S3_E_REQUEST (a lock that the bucket has none for): then nothing has changed.
 */
int object_put(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
               const struct origin *origin, const struct object_new *new, struct object *ret,
               struct reason *why) MUST_USE;

/* Tells who asked for it of a change of a version that was found: "ObjectTagging:Put". */
int object_tell(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                const struct origin *origin, const char *key, const struct object *object,
                const char *event) MUST_USE;

/* Replaces the tags of a version that was found; NULL removes them. */
int object_set_tags(struct tx *tx, const struct bucket *bucket, const char *key, const struct object *object,
                    const char *tags) MUST_USE;

/* Replaces a version's lock; whether it may be is the caller's to see. */
int object_set_lock(struct tx *tx, const char *bucket, const char *key, const struct object *object,
                    const struct object_lock *lock) MUST_USE;

struct deletion {
    bool marker;                      /* a marker was made, or a marker was removed */
    char version_id[VERSION_ID_SIZE]; /* of the marker made or the version removed; empty: none to tell */
};

/* DeleteObject, with or without a version id: done also when there was nothing. S3_E_LOCKED. */
int object_delete(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                  const struct origin *origin, const char *key, const char *version_id,
                  struct deletion *ret) MUST_USE;

/* The next sequence number: greater than all before, for every change of every object; some are left out. */
int sequence_next(struct tx *tx, int64_t *ret) MUST_USE;
/* Overwrites the first SEQUENCE_DIGITS letters of an id, so that ids sort by age. */
void sequence_text(int64_t sequence, char *ret);
/* False for "null", and an id that Slipway has not made. */
bool version_id_sequence(const char *version_id, int64_t *ret) MUST_USE;
