/* Buckets as other services see them: CloudFormation's resources call these inside their own transaction.
 *
 * Every function takes the caller's write transaction, returns 0, a fault, or an enum s3_outcome with words
 * in *why (which may be NULL). Bucket names are global; `account` is the 12-digit id of who asks. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "db/db.h"
#include "services/iam/principal.h"
#include <jansson.h>

struct platform;

/* Outcomes; api.c's table gives each its AWS code and status. */
enum s3_outcome {
    S3_E_NO_BUCKET = 100, /* apart from the outcomes of db/ */
    S3_E_NO_KEY,
    S3_E_NO_VERSION,
    S3_E_BUCKET_OWNED,  /* it exists and is the caller's */
    S3_E_BUCKET_EXISTS, /* it exists and is another account's */
    S3_E_BUCKET_NOT_EMPTY,
    S3_E_BUCKET_NAME,
    S3_E_BUCKET_STATE,
    S3_E_VERSIONING, /* no status */
    S3_E_RANGE,
    S3_E_PRECONDITION,
    S3_E_NOT_MODIFIED,
    S3_E_DELETE_MARKER, /* GET or HEAD of a delete marker by its version id */
    S3_E_MARKER_LATEST, /* the current version is a delete marker */
    S3_E_METHOD,
    S3_E_XML,
    S3_E_BAD_DIGEST,
    S3_E_INVALID_DIGEST,
    S3_E_PAYLOAD_DIGEST,
    S3_E_TOO_LARGE,
    S3_E_TOO_SMALL,
    S3_E_NO_LENGTH,
    S3_E_INCOMPLETE,
    S3_E_ARGUMENT,
    S3_E_REQUEST,
    S3_E_KEY_TOO_LONG,
    S3_E_META_TOO_LARGE,
    S3_E_NOT_IMPLEMENTED,
    S3_E_DENIED,
    S3_E_NO_UPLOAD,
    S3_E_PART,
    S3_E_PART_ORDER,
    S3_E_NO_WEBSITE,
    S3_E_NO_TAGS,
    S3_E_TAG,
    S3_E_LOCATION,
    S3_E_NO_SPACE,
    S3_E_URI,
    S3_E_ACL,
    S3_E_CONFLICT,
    S3_E_TAG_COUNT,
    S3_E_POLICY,
    S3_E_FORM,
    S3_E_FORM_TYPE,
    S3_E_FORM_TOO_LONG,
    S3_E_PART_NUMBER,
    S3_E_POLICY_FORM,
    S3_E_NO_POLICY,
    S3_E_NO_CORS,
    S3_E_NO_LIFECYCLE,
    S3_E_NO_OWNERSHIP,
    S3_E_NO_PUBLIC_ACCESS,
    S3_E_NO_REPLICATION,
    S3_E_NO_CONFIGURATION,
    S3_E_FORBIDDEN,
    S3_E_NO_LOCK_CONFIGURATION, /* of the bucket */
    S3_E_NO_LOCK,               /* of the object */
    S3_E_LOCKED,
    S3_E_BAD_REQUEST,
    S3_E_QUOTA,
    S3_E_NO_ENCRYPTION, /* of the bucket */
    S3_E_STORAGE_CLASS, /* none of those that are read at once */
    S3_E_DAMAGED,       /* the bytes on disk are not those that were put */
    S3_E_ACL_OF_BUCKET, /* a new one, whose ownership has none */
    S3_E_OWNER,         /* no account's number */
    S3_E_REDIRECT,      /* of an object, to where there is no redirecting */
};

#define S3_BUCKET_NAME_MAX 63
#define S3_KEY_MAX 1024

/* True for a name that AWS's rules for general purpose buckets allow. */
bool bucket_name_ok(const char *name);
/* S3_E_BUCKET_NAME, S3_E_BUCKET_OWNED, S3_E_BUCKET_EXISTS. */
int bucket_create(struct tx *tx, const struct platform *platform, const char *account, const char *bucket,
                  struct reason *why) MUST_USE;
/* `status` is "Enabled" or "Suspended". S3_E_NO_BUCKET, S3_E_XML. */
int bucket_set_versioning(struct tx *tx, const struct platform *platform, const char *account,
                          const char *bucket, const char *status, struct reason *why) MUST_USE;
/* `queues` is a list (NULL or empty: no notifications) of {"Id"?, "QueueArn" or "TopicArn", "Events":
 * ["s3:ObjectCreated:*", …], "Prefix"?, "Suffix"?}; borrowed. Prefix and suffix
 * are percent-encoded, as S3's users write them. The targets get AWS's test event.
 * S3_E_NO_BUCKET, S3_E_ARGUMENT. */
int bucket_set_notification(struct tx *tx, const struct platform *platform, const char *account,
                            const char *bucket, const json_t *queues, struct reason *why) MUST_USE;
/* The same, but the targets are neither looked for nor get the test event. */
int bucket_set_notification_unseen(struct tx *tx, const struct platform *platform, const char *bucket,
                                   const json_t *queues, struct reason *why) MUST_USE;
/* Whether the bucket is that account's. S3_E_NO_BUCKET, S3_E_DENIED. */
int bucket_is_of(struct tx *tx, const char *account, const char *bucket, struct reason *why) MUST_USE;
/* A setting that is a document, as S3's API has it: `kind` is the sub-resource ("website", "policy",
 * "publicAccessBlock" …), `document` its members under their XML names; it may be completed. NULL: not set
 * any more. S3_E_NO_BUCKET, S3_E_XML, S3_E_ARGUMENT, S3_E_REQUEST, S3_E_NOT_IMPLEMENTED, S3_E_DENIED. */
/* Whether the server has a key for it. S3_E_NOT_IMPLEMENTED. */
int bucket_can_encrypt(const struct platform *platform, struct reason *why) MUST_USE;
int bucket_set(struct tx *tx, const char *bucket, const char *kind, json_t *document,
               struct reason *why) MUST_USE;
/* Who put an object. */
struct object_author {
    char arn[sizeof((struct principal){0}.arn)];
    char
        person[PERSON_SIZE]; /* of a session: whoever assumed its role; empty: its ARN is all that is known */
};
/* Of that version. S3_E_NO_VERSION: it is not there, or nobody knows. */
int object_author(struct tx *tx, const char *bucket, const char *key, const char *version_id,
                  struct object_author *ret) MUST_USE;
/* Gives an object's bytes, headers and tags another name without reading them, as CopyObject does where it
 * can. > 0: that takes a request, which tells why (there is no such object, a policy decides, a quota, the
 * bytes must be read or sealed); nothing was changed then. */
struct object_share {
    const char *account; /* that is charged */
    const char *from_bucket;
    const char *from_key;
    const char *from_version; /* NULL: the current one */
    const char *metadata;     /* the x-amz-meta-* header to tell of it */
    const char *to_bucket;
    const char *to_key;
};
struct object_shared {   /* of the source */
    char version_id[64]; /* empty: the bucket is not versioned */
    char etag[64];       /* without quotes */
    char sha256[65];
    char metadata[2049]; /* what was to be told; empty: it is not there */
    int64_t size;
};
int object_share(struct tx *tx, const struct platform *platform, const struct object_share *share,
                 struct object_shared *ret) MUST_USE;
/* `tags` is an object of strings, borrowed; NULL or empty removes them. S3_E_NO_BUCKET, S3_E_TAG. */
int bucket_set_tags(struct tx *tx, const struct platform *platform, const char *account, const char *bucket,
                    const json_t *tags, struct reason *why) MUST_USE;
/* S3_E_NO_BUCKET; S3_E_BUCKET_NOT_EMPTY while it holds an object, a version or a delete marker. */
int bucket_delete(struct tx *tx, const struct platform *platform, const char *account, const char *bucket,
                  struct reason *why) MUST_USE;
