/* Buckets' rows, with those of their settings that each request looks at. The rows that transactions at the
 * writer's connection have read lately are kept for the next (tx_epoch): each put and delete reads one. A
 * bucket has one slot, a newcomer takes its place. */
#include "services/s3/bucket.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>

#define SLOTS 64

struct bucket_texts {
    atomic_uint refs;
    char bytes[];
};

static struct slot {
    uint64_t epoch; /* 0: it is empty */
    struct bucket bucket;
} slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void bucket_unload(struct bucket *bucket)
{
    struct bucket_texts *texts = take(bucket->texts);
    bucket->notification = bucket->tags = bucket->policy = bucket->lifecycle = bucket->object_lock = NULL;
    if (texts && atomic_fetch_sub(&texts->refs, 1) == 1)
        free(texts);
}

static struct slot *slot_of(const char *name)
{
    return &slots[str_hash(str_of(name)) % SLOTS];
}

/* With the lock. */
static void empty(struct slot *slot)
{
    bucket_unload(&slot->bucket);
    slot->epoch = 0;
}

static void share(const struct bucket *from, struct bucket *ret)
{
    *ret = *from;
    atomic_fetch_add(&ret->texts->refs, 1);
}

static bool kept(uint64_t epoch, const char *name, struct bucket *ret)
{
    pthread_mutex_lock(&lock);
    const struct slot *slot = slot_of(name);
    bool hit = epoch != 0 && slot->epoch == epoch && strcmp(slot->bucket.name, name) == 0;
    if (hit)
        share(&slot->bucket, ret);
    pthread_mutex_unlock(&lock);
    return hit;
}

static void keep(uint64_t epoch, const struct bucket *bucket)
{
    if (epoch == 0)
        return;
    pthread_mutex_lock(&lock);
    struct slot *slot = slot_of(bucket->name);
    empty(slot);
    share(bucket, &slot->bucket);
    slot->epoch = epoch;
    pthread_mutex_unlock(&lock);
}

void bucket_changed(const char *name)
{
    pthread_mutex_lock(&lock);
    empty(slot_of(name));
    pthread_mutex_unlock(&lock);
}

/* ---- the row */

static const size_t texts_at[] = {
    offsetof(struct bucket, notification), offsetof(struct bucket, tags),
    offsetof(struct bucket, policy),       offsetof(struct bucket, lifecycle),
    offsetof(struct bucket, object_lock),
};
#define FIRST_TEXT 3 /* column */

static int copy_texts(struct rows *rows, struct bucket *ret)
{
    size_t size = sizeof(*ret->texts), at = 0;
    for (int i = 0; i < (int)ARRAY_LEN(texts_at); i++)
        size += rows_str(rows, FIRST_TEXT + i).len + 1;
    ret->texts = mem_alloc(size);
    if (!ret->texts)
        return FAULT(ENOMEM);
    atomic_init(&ret->texts->refs, 1);
    for (int i = 0; i < (int)ARRAY_LEN(texts_at); i++) {
        struct str text = rows_str(rows, FIRST_TEXT + i);
        if (!text.ptr)
            continue;
        memcpy(ret->texts->bytes + at, text.ptr, text.len);
        *(const char **)(void *)((char *)ret + texts_at[i]) = ret->texts->bytes + at;
        at += text.len + 1;
    }
    return 0;
}

static int load(struct tx *tx, const char *name, struct bucket *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT account, versioning, created_ms, notification, tags,"
                          " (SELECT document FROM s3_setting WHERE bucket = $1 AND kind = 'policy'),"
                          " (SELECT document FROM s3_setting WHERE bucket = $1 AND kind = 'lifecycle'),"
                          " (SELECT document FROM s3_setting WHERE bucket = $1 AND kind = 'object-lock')"
                          " FROM s3_bucket WHERE name = $1",
                          "s", name);
    if (rc != 0)
        return rc;
    str_copy(ret->name, sizeof(ret->name), name);
    str_copy(ret->account, sizeof(ret->account), rows_text(rows, 0));
    ret->versioning = rows_null(rows, 1) ? VERSIONING_NEVER : versioning_named(rows_text(rows, 1));
    ret->created_ms = rows_int(rows, 2);
    return copy_texts(rows, ret);
}

int bucket_load(struct tx *tx, const char *name, struct bucket *ret, struct reason *why)
{
    uint64_t epoch = tx_epoch(tx);
    if (kept(epoch, name, ret))
        return 0;
    int rc = load(tx, name, ret);
    if (rc == DB_NONE)
        return reason_set(why, S3_E_NO_BUCKET, "The specified bucket does not exist");
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    keep(epoch, ret);
    return 0;
}
