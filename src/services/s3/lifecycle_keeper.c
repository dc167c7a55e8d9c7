/* The thread that does what lifecycle rules say: each rule walks the keys under its prefix, some at a time in
 * a snapshot, and what is due is done in a transaction that looks again. So a pass costs readers and writers
 * nothing but its own turns, and what changed meanwhile is left to the next one.
 *
 * A pass is made at start, every hour (rules are due at midnights), and when a configuration changes. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/wake.h"
#include "services/s3/lifecycle.h"
#include "services/s3/multipart.h"
#include "services/s3/object.h"
#include "services/s3/setting.h"
#include "services/service.h"
#include "wire/json.h"
#include <pthread.h>
#include <stdatomic.h>

#define EVERY_MS (INT64_C(3600) * 1000)
#define RETRY_MS 60000
#define ROWS_AT_ONCE 512 /* of a snapshot */
#define DONE_AT_ONCE 64  /* in one transaction */

struct lifecycle_keeper {
    const struct platform *platform;
    pthread_t thread;
    atomic_bool stopping;
};

enum end { END_CURRENT, END_NONCURRENT, END_MARKER, END_UPLOAD };

/* Something that is due. */
struct due {
    enum end end;
    int64_t sequence; /* the version's */
    char version_id[VERSION_ID_SIZE];
    char key[S3_KEY_MAX + 1];
    char upload[UPLOAD_ID_SIZE];
};

/* A rule's walk along a bucket's keys. */
struct walk {
    struct lifecycle_keeper *keeper;
    const char *bucket;
    const json_t *rule;
    int64_t now_ms;
    /* the row that was looked at last */
    char key[S3_KEY_MAX + 1];
    int64_t rank;
    int64_t modified_ms;
    int64_t noncurrent; /* how many noncurrent versions of this key were seen */
    bool begun;
    bool over;
    struct due *due; /* room for ROWS_AT_ONCE */
    size_t count;
};

/* ---- what is due */

static struct due *add(struct walk *walk, enum end end, struct str key)
{
    struct due *due = &walk->due[walk->count];
    if (key.len > S3_KEY_MAX)
        return NULL;
    *due = (struct due){.end = end};
    memcpy(due->key, key.ptr, key.len);
    walk->count++;
    return due;
}

static void add_version(struct walk *walk, enum end end, struct rows *rows)
{
    struct due *due = add(walk, end, rows_str(rows, 0));
    struct str version = rows_str(rows, 2);
    if (!due || version.len >= sizeof(due->version_id))
        return;
    due->sequence = -rows_int(rows, 1);
    memcpy(due->version_id, version.ptr, version.len);
}

static bool current_is_due(const struct walk *walk, int64_t modified_ms)
{
    int64_t due_ms = 0;
    return lifecycle_expires(walk->rule, modified_ms, &due_ms) && due_ms <= walk->now_ms;
}

/* A marker that nothing is left behind goes by its own rule, or when objects of its age would. */
static bool marker_is_due(const struct walk *walk, int64_t modified_ms)
{
    const json_t *expiration = json_object_get(walk->rule, "Expiration");
    return json_bool(expiration, "ExpiredObjectDeleteMarker", false) || current_is_due(walk, modified_ms);
}

/* A version is noncurrent since the one after it was made. */
static bool noncurrent_is_due(const struct walk *walk)
{
    const json_t *rule = json_object_get(walk->rule, "NoncurrentVersionExpiration");
    return rule && walk->noncurrent > json_int(rule, "NewerNoncurrentVersions", 0) &&
           lifecycle_due_ms(walk->modified_ms, json_int(rule, "NoncurrentDays", INT64_MAX)) <= walk->now_ms;
}

static void look(struct walk *walk, struct rows *rows)
{
    struct str key = rows_str(rows, 0);
    const struct lifecycle_object object = {key, rows_int(rows, 4), rows_text(rows, 6)};
    bool current = !walk->begun || !str_eqc(key, walk->key);
    bool marker = rows_int(rows, 3) != 0;
    bool applies = lifecycle_applies(walk->rule, &object);
    walk->noncurrent = current ? 0 : walk->noncurrent + 1;
    if (applies && current && marker && marker_is_due(walk, rows_int(rows, 5)))
        add_version(walk, END_MARKER, rows);
    else if (applies && current && !marker && current_is_due(walk, rows_int(rows, 5)))
        add_version(walk, END_CURRENT, rows);
    else if (applies && !current && noncurrent_is_due(walk))
        add_version(walk, END_NONCURRENT, rows);
    if (current && key.len <= S3_KEY_MAX) {
        memcpy(walk->key, key.ptr, key.len);
        walk->key[key.len] = '\0';
    }
    walk->rank = rows_int(rows, 1);
    walk->modified_ms = rows_int(rows, 5);
    walk->begun = true;
}

/* The next rows of the rule's prefix. */
static int find(struct walk *walk)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *prefix = lifecycle_prefix(walk->rule);
    const char *from = walk->begun ? walk->key : prefix;
    int64_t rank = walk->begun ? walk->rank : INT64_MIN;
    int64_t seen = 0;
    int rc = db_read(walk->keeper->platform->db, &tx);
    if (rc == 0)
        rc = tx_query(tx, &rows,
                      "SELECT key, rank, version_id, marker, size, modified_ms, tags FROM s3_object"
                      " WHERE bucket = $1 AND (key, rank) > ($2, $3) ORDER BY key, rank LIMIT $4",
                      "ssii", walk->bucket, from, rank, (int64_t)ROWS_AT_ONCE);
    walk->count = 0;
    while (rc == 0 && (rc = rows_next(rows)) == 0 && str_starts(rows_str(rows, 0), str_of(prefix))) {
        look(walk, rows);
        seen++;
    }
    walk->over = seen < ROWS_AT_ONCE;
    return rc == DB_NONE ? 0 : rc;
}

/* ---- done */

static int is_alone(struct tx *tx, const char *bucket, const char *key, bool *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT COUNT(*) FROM s3_object WHERE bucket = $1 AND key = $2", "ss",
                          bucket, key);
    *ret = rc == 0 && rows_int(rows, 0) == 1;
    return rc;
}

/* The current version, if it still is the one that was seen. */
static int end_current(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                       const struct due *due)
{
    CLEANUP(object_unload) struct object now = {0};
    const struct origin origin = {.lifecycle = true};
    struct deletion unread = {0};
    bool alone = false;
    int rc = object_find(tx, bucket->name, due->key, NULL, &now);
    if (rc != 0 || now.sequence != due->sequence)
        return rc < 0 ? rc : 0;
    if (due->end == END_MARKER)
        rc = is_alone(tx, bucket->name, due->key, &alone);
    if (rc == 0 && due->end == END_MARKER && !alone)
        return 0;
    return rc != 0 ? rc
                   : object_delete(tx, platform, bucket, &origin, due->key,
                                   due->end == END_MARKER ? due->version_id : NULL, &unread);
}

static int end_one(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                   const struct due *due)
{
    const struct origin origin = {.lifecycle = true};
    struct deletion unread = {0};
    switch (due->end) {
    case END_UPLOAD:
        return multipart_remove(tx, due->upload);
    case END_NONCURRENT:
        return object_delete(tx, platform, bucket, &origin, due->key, due->version_id, &unread);
    case END_CURRENT:
    case END_MARKER:
        return end_current(tx, platform, bucket, due);
    }
    return FAULT(EINVAL);
}

static int end_some(struct walk *walk, size_t from, size_t to)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    struct reason unread;
    const struct platform *platform = walk->keeper->platform;
    int rc = db_begin(platform->db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, walk->bucket, &bucket, &unread);
    for (size_t i = from; rc == 0 && i < to; i++) {
        rc = end_one(tx, platform, &bucket, &walk->due[i]);
        if (rc > 0) /* it may not go: locked, or gone meanwhile */
            rc = 0;
    }
    if (rc == S3_E_NO_BUCKET)
        return 0;
    return rc != 0 ? rc : db_commit(&tx);
}

static int end_all(struct walk *walk)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < walk->count; i += DONE_AT_ONCE)
        rc = end_some(walk, i, i + DONE_AT_ONCE < walk->count ? i + DONE_AT_ONCE : walk->count);
    if (rc == 0 && walk->count > 0)
        log_info("s3", "lifecycle rule %s of the bucket %s: %zu ended", json_str(walk->rule, "ID", ""),
                 walk->bucket, walk->count);
    return rc;
}

/* ---- uploads */

static int find_uploads(struct walk *walk)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    const char *prefix = lifecycle_prefix(walk->rule);
    int64_t days = json_int(json_object_get(walk->rule, "AbortIncompleteMultipartUpload"),
                            "DaysAfterInitiation", INT64_MAX);
    int rc = db_read(walk->keeper->platform->db, &tx);
    if (rc == 0)
        rc = tx_query(
            tx, &rows,
            "SELECT key, id, started_ms FROM s3_upload WHERE bucket = $1 AND key >= $2 ORDER BY key, id",
            "ss", walk->bucket, prefix);
    walk->count = 0;
    while (rc == 0 && walk->count < ROWS_AT_ONCE && (rc = rows_next(rows)) == 0 &&
           str_starts(rows_str(rows, 0), str_of(prefix))) {
        if (lifecycle_due_ms(rows_int(rows, 2), days) > walk->now_ms)
            continue;
        struct due *due = add(walk, END_UPLOAD, rows_str(rows, 0));
        struct str id = rows_str(rows, 1);
        if (due && id.len < sizeof(due->upload))
            memcpy(due->upload, id.ptr, id.len);
    }
    return rc == DB_NONE ? 0 : rc;
}

static int end_uploads(struct walk *walk)
{
    int rc = 0;
    if (!json_object_get(walk->rule, "AbortIncompleteMultipartUpload"))
        return 0;
    do {
        rc = find_uploads(walk);
        if (rc == 0)
            rc = end_all(walk);
    } while (rc == 0 && walk->count == ROWS_AT_ONCE && !atomic_load(&walk->keeper->stopping));
    return rc;
}

/* ---- passes */

static int run_rule(struct lifecycle_keeper *keeper, const char *bucket, const json_t *rule)
{
    CLEANUP(free_ptr) struct walk *walk = mem_alloc(sizeof(*walk));
    CLEANUP(free_ptr) struct due *due = mem_alloc(ROWS_AT_ONCE * sizeof(*due));
    if (!walk || !due)
        return FAULT(ENOMEM);
    *walk =
        (struct walk){.keeper = keeper, .bucket = bucket, .rule = rule, .now_ms = clock_now_ms(), .due = due};
    bool objects =
        json_object_get(rule, "Expiration") || json_object_get(rule, "NoncurrentVersionExpiration");
    int rc = end_uploads(walk);
    while (rc == 0 && objects && !walk->over && !atomic_load(&keeper->stopping)) {
        rc = find(walk);
        if (rc == 0)
            rc = end_all(walk);
    }
    return rc;
}

/* The buckets that have rules, as {name: configuration}. */
static int configurations(const struct platform *platform, json_t **ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *all = json_object();
    int rc = all ? db_read(platform->db, &tx) : FAULT(ENOMEM);
    if (rc == 0)
        rc = tx_query(tx, &rows, "SELECT bucket, document FROM s3_setting WHERE kind = $1", "s",
                      SETTING_LIFECYCLE);
    while (rc == 0 && (rc = rows_next(rows)) == 0) {
        json_t *document = NULL;
        if (json_unpack_text(rows_str(rows, 1), &document) != 0)
            return FAULT(EBADMSG);
        rc = json_put(all, rows_text(rows, 0), document);
    }
    if (rc != DB_NONE)
        return rc;
    *ret = take(all);
    return 0;
}

static int pass(struct lifecycle_keeper *keeper)
{
    CLEANUP(json_free) json_t *all = NULL;
    const char *bucket;
    json_t *configuration;
    int rc = configurations(keeper->platform, &all);
    json_object_foreach (all, bucket, configuration) {
        const json_t *rules = json_object_get(configuration, "Rule");
        for (size_t i = 0; rc == 0 && i < json_array_size(rules); i++)
            if (lifecycle_enabled(json_array_get(rules, i)) && !atomic_load(&keeper->stopping))
                rc = run_rule(keeper, bucket, json_array_get(rules, i));
    }
    return rc;
}

static void *keep(void *arg)
{
    struct lifecycle_keeper *keeper = arg;
    (void)pthread_setname_np(pthread_self(), "s3-lifecycle");
    while (!atomic_load(&keeper->stopping)) {
        wake_ticket ticket = wake_look(LIFECYCLE_TOPIC);
        int rc = pass(keeper);
        if (rc < 0)
            log_warn("s3", "the lifecycle rules' pass failed (%s); trying again in a minute", strerror(-rc));
        if (!atomic_load(&keeper->stopping))
            (void)wake_wait(LIFECYCLE_TOPIC, ticket, clock_mono_ms() + (rc < 0 ? RETRY_MS : EVERY_MS));
    }
    return NULL;
}

int lifecycle_start(const struct platform *platform, struct lifecycle_keeper **ret)
{
    CLEANUP(free_ptr) struct lifecycle_keeper *keeper = mem_alloc(sizeof(*keeper));
    if (!keeper)
        return FAULT(ENOMEM);
    keeper->platform = platform;
    int rc = pthread_create(&keeper->thread, NULL, keep, keeper);
    if (rc != 0)
        return FAULT(rc);
    *ret = take(keeper);
    return 0;
}

void lifecycle_stop(struct lifecycle_keeper **keeper)
{
    if (!*keeper)
        return;
    atomic_store(&(*keeper)->stopping, true);
    wake_signal(LIFECYCLE_TOPIC);
    pthread_join((*keeper)->thread, NULL);
    free(*keeper);
    *keeper = NULL;
}
