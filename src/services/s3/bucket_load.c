/* Buckets' rows, with those of their settings that each request looks at. The rows that transactions at the
 * writer's connection have read lately are kept for the next (tx_epoch): each put and delete reads one. A
 * bucket has one slot, a newcomer takes its place. */
#include "services/s3/setting.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>

#define SLOTS 64

enum { NOTIFICATION, TAGS, LIFECYCLE, OBJECT_LOCK, POLICY, TEXTS };

struct bucket_texts {
    atomic_uint refs;
    char *texts[TEXTS]; /* NULL: there is none */
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
    if (!texts || atomic_fetch_sub(&texts->refs, 1) > 1)
        return;
    for (size_t i = 0; i < TEXTS; i++)
        free(texts->texts[i]);
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

static int copy_text(struct rows *rows, int column, char **ret)
{
    if (rows_null(rows, column))
        return 0;
    *ret = str_dup(rows_str(rows, column));
    return *ret ? 0 : FAULT(ENOMEM);
}

static int read_bucket(struct rows *rows, const char *name, struct bucket *ret)
{
    str_copy(ret->name, sizeof(ret->name), name);
    str_copy(ret->account, sizeof(ret->account), rows_text(rows, 0));
    ret->versioning = rows_null(rows, 1) ? VERSIONING_NEVER : versioning_named(rows_text(rows, 1));
    ret->created_ms = rows_int(rows, 2);
    int rc = copy_text(rows, 3, &ret->texts->texts[NOTIFICATION]);
    return rc != 0 ? rc : copy_text(rows, 4, &ret->texts->texts[TAGS]);
}

/* Those that are looked at elsewhere are passed over. */
static int read_setting(struct rows *rows, struct bucket_texts *texts)
{
    static const struct {
        const char *kind;
        size_t text;
    } kinds[] = {
        {SETTING_LIFECYCLE, LIFECYCLE}, {SETTING_OBJECT_LOCK, OBJECT_LOCK}, {SETTING_POLICY, POLICY}};
    struct str kind = rows_str(rows, 5);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (kind.ptr && str_eqc(kind, kinds[i].kind))
            return copy_text(rows, 6, &texts->texts[kinds[i].text]);
    return 0;
}

static void point_into(struct bucket *bucket, char *const texts[TEXTS])
{
    bucket->notification = texts[NOTIFICATION];
    bucket->tags = texts[TAGS];
    bucket->lifecycle = texts[LIFECYCLE];
    bucket->object_lock = texts[OBJECT_LOCK];
    bucket->policy = texts[POLICY];
}

static int load(struct tx *tx, const char *name, struct bucket *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT account, versioning, created_ms, notification, tags, kind, document"
                          " FROM s3_bucket LEFT JOIN s3_setting ON bucket = name AND kind BETWEEN"
                          " '" SETTING_LIFECYCLE "' AND '" SETTING_POLICY "' WHERE name = $1",
                          "s", name);
    if (rc != 0)
        return rc;
    ret->texts = mem_alloc(sizeof(*ret->texts));
    if (!ret->texts)
        return FAULT(ENOMEM);
    atomic_init(&ret->texts->refs, 1);
    rc = read_bucket(rows, name, ret);
    while (rc == 0) {
        rc = read_setting(rows, ret->texts);
        rc = rc == 0 ? rows_next(rows) : rc;
    }
    point_into(ret, ret->texts->texts);
    return rc == DB_NONE ? 0 : rc;
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
