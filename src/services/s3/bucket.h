/* A bucket's row, inside s3. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "db/db.h"
#include "services/s3/s3.h"

enum versioning { VERSIONING_NEVER, VERSIONING_ENABLED, VERSIONING_SUSPENDED };

struct bucket_texts; /* shared by all who have loaded the same row */

struct bucket {
    char name[S3_BUCKET_NAME_MAX + 1];
    char account[13];
    enum versioning versioning;
    int64_t created_ms;
    struct bucket_texts *texts; /* a reference: what the next five point into */
    const char *notification;   /* JSON list, or NULL */
    const char *tags;           /* JSON object, or NULL */
    const char *policy;         /* JSON, or NULL */
    const char *lifecycle;      /* the same */
    const char *object_lock;    /* the same */
};

void bucket_unload(struct bucket *bucket); /* CLEANUP-able */
/* Fills a zeroed *ret. S3_E_NO_BUCKET. */
int bucket_load(struct tx *tx, const char *name, struct bucket *ret, struct reason *why) MUST_USE;
/* Whoever changes a bucket's row or settings says so, in the same transaction. */
void bucket_changed(const char *name);
const char *versioning_name(enum versioning versioning); /* "Enabled", "Suspended"; NULL for never */
enum versioning versioning_named(const char *name);      /* any other name: never */

/* ---- events */

/* Who caused it, for the event's record. */
struct origin {
    const char *principal; /* a user id; NULL: a service */
    const char *arn;       /* the same one's; NULL: a service */
    const char *person;    /* of a session: whoever assumed its role (wire/person.h); "": nobody knows */
    const char *account;   /* that is charged for what is put; NULL: the bucket's */
    const char *peer;
    const char *request_id;
    bool bypass_governance; /* of object lock */
    bool lifecycle;         /* a rule of the bucket's, not a request */
};

struct event {
    const char *name; /* "ObjectCreated:Put" */
    const char *key;
    const char *version_id; /* NULL: none to tell */
    const char *etag;       /* NULL: removed */
    int64_t size;
    int64_t sequence;
};

/* Hands the event to every queue and topic whose configuration matches. */
int notify(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
           const struct origin *origin, const struct event *event) MUST_USE;
/* Checks a configuration (s3.h, bucket_set_notification). S3_E_XML, S3_E_ARGUMENT. */
int notification_check(const struct platform *platform, const struct bucket *bucket, const json_t *queues,
                       struct reason *why) MUST_USE;
/* Sends each target the test event. S3_E_ARGUMENT: there is no such target, or it takes nothing of the
 * bucket; `bucket` as it was before: to what it names already it may go on sending. */
int notification_test(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                      const json_t *queues, struct reason *why) MUST_USE;
