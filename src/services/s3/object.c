/* See object.h. */
#include "services/s3/object_part.h"
#include "services/s3/storage_class.h"
#include "base/clock.h"
#include "base/id.h"
#include "services/service.h"
#include <pthread.h>

#define NULL_VERSION "null"

static const char digits62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void object_unload(struct object *object)
{
    free_ptr(&object->headers);
    free_ptr(&object->tags);
}

#define SEQUENCE_BLOCK 64

/* The last number of an epoch (tx_epoch), and the last that the database says is used: those between are
 * free. Whoever raises it and is undone ends the epoch. */
static struct {
    pthread_mutex_t lock;
    uint64_t epoch;
    int64_t value;
    int64_t reserved;
} last = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool last_next(uint64_t epoch, int64_t *ret)
{
    pthread_mutex_lock(&last.lock);
    bool known = last.epoch == epoch && last.value < last.reserved;
    if (known)
        *ret = ++last.value;
    pthread_mutex_unlock(&last.lock);
    return known;
}

static void last_set(uint64_t epoch, int64_t value, int64_t reserved)
{
    pthread_mutex_lock(&last.lock);
    last.epoch = epoch;
    last.value = value;
    last.reserved = reserved;
    pthread_mutex_unlock(&last.lock);
}

static int sequence_load(struct tx *tx, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT value FROM s3_sequence WHERE id = 1", "");
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    *ret = rows_int(rows, 0);
    return 0;
}

int sequence_next(struct tx *tx, int64_t *ret)
{
    int64_t used = 0;
    uint64_t epoch = tx_epoch(tx);
    if (last_next(epoch, ret))
        return 0;
    int rc = sequence_load(tx, &used);
    if (rc == 0)
        rc = tx_exec(tx, "UPDATE s3_sequence SET value = $1 WHERE id = 1", "i", used + SEQUENCE_BLOCK);
    if (rc != 0)
        return rc;
    *ret = used + 1;
    last_set(epoch, used + 1, used + SEQUENCE_BLOCK);
    return 0;
}

void sequence_text(int64_t sequence, char *ret)
{
    for (size_t i = SEQUENCE_DIGITS; i-- > 0; sequence /= 62)
        ret[i] = digits62[sequence % 62];
}

static void make_version_id(int64_t sequence, char ret[VERSION_ID_SIZE])
{
    id_base62(ret, VERSION_ID_SIZE - 1);
    sequence_text(sequence, ret);
}

bool version_id_sequence(const char *version_id, int64_t *ret)
{
    if (strlen(version_id) != VERSION_ID_SIZE - 1)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < SEQUENCE_DIGITS; i++) {
        const char *digit = strchr(digits62, version_id[i]);
        if (!digit || value > (uint64_t)INT64_MAX / 62)
            return false;
        value = value * 62 + (uint64_t)(digit - digits62);
    }
    *ret = (int64_t)value;
    return value <= (uint64_t)INT64_MAX;
}

static void copy_fixed(char *to, size_t size, struct str from)
{
    size_t len = from.len < size ? from.len : size - 1;
    if (len > 0)
        memcpy(to, from.ptr, len);
    to[len] = '\0';
}

#define COLUMNS                                                                                              \
    "rank, version_id, marker, size, etag, sha256, checksum, modified_ms, blob, headers, "                   \
    "checksum_algorithm, checksum_type, checksum_value, parts, tags, lock_mode, lock_until_ms, legal_hold, " \
    "encryption, account, storage_class"

/* Objects from before checksums had columns have a SHA-256, or say that none was asked for. */
static void read_checksum(struct rows *rows, struct object *ret)
{
    struct checksum_value *value = &ret->checksum;
    if (!rows_null(rows, 10)) {
        value->algorithm = checksum_named(rows_str(rows, 10));
        value->composite = str_eqc(rows_str(rows, 11), checksum_type(true));
        copy_fixed(value->text, sizeof(value->text), rows_str(rows, 12));
    } else if (rows_int(rows, 6) != 0 && checksum_of_sha256(ret->sha256, value->text)) {
        value->algorithm = CHECKSUM_SHA256;
    }
}

static int read_row(struct rows *rows, struct object *ret)
{
    ret->sequence = -rows_int(rows, 0);
    copy_fixed(ret->version_id, sizeof(ret->version_id), rows_str(rows, 1));
    ret->marker = rows_int(rows, 2) != 0;
    ret->size = rows_int(rows, 3);
    copy_fixed(ret->etag, sizeof(ret->etag), rows_str(rows, 4));
    copy_fixed(ret->sha256, sizeof(ret->sha256), rows_str(rows, 5));
    read_checksum(rows, ret);
    ret->modified_ms = rows_int(rows, 7);
    ret->blob = rows_int(rows, 8);
    ret->parts = rows_int(rows, 13);
    ret->lock = (struct object_lock){lock_mode_named(rows_str(rows, 15)), rows_int(rows, 16),
                                     (enum legal_hold)rows_int(rows, 17)};
    ret->sealed = !rows_null(rows, 18);
    copy_fixed(ret->account, sizeof(ret->account), rows_str(rows, 19));
    ret->storage_class = storage_class_named(rows_str(rows, 20));
    ret->headers = str_dup(rows_null(rows, 9) ? STR("") : rows_str(rows, 9));
    ret->tags = rows_null(rows, 14) ? NULL : str_dup(rows_str(rows, 14));
    return ret->headers && (ret->tags || rows_null(rows, 14)) ? 0 : FAULT(ENOMEM);
}

static int find_version(struct tx *tx, const char *bucket, const char *key, const char *version_id,
                        struct rows **ret)
{
    int64_t sequence = 0;
    if (strcmp(version_id, NULL_VERSION) == 0)
        return tx_query_row(tx, ret,
                            "SELECT " COLUMNS " FROM s3_object WHERE bucket = $1 AND key = $2 "
                            "AND version_id = 'null'",
                            "ss", bucket, key);
    if (!version_id_sequence(version_id, &sequence))
        return DB_NONE;
    return tx_query_row(tx, ret,
                        "SELECT " COLUMNS " FROM s3_object WHERE bucket = $1 AND key = $2 AND rank = $3 "
                        "AND version_id = $4",
                        "ssis", bucket, key, -sequence, version_id);
}

uint64_t object_subject(const char *bucket, const char *key)
{
    uint64_t subject = 31 * str_hash(str_of(bucket)) + str_hash(str_of(key));
    return subject == DB_ANYTHING ? 1 : subject;
}

int object_find(struct tx *tx, const char *bucket, const char *key, const char *version_id,
                struct object *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = version_id ? find_version(tx, bucket, key, version_id, &rows)
                        : tx_query_row(tx, &rows,
                                       "SELECT " COLUMNS " FROM s3_object WHERE bucket = $1 AND key = $2 "
                                       "ORDER BY rank LIMIT 1",
                                       "ss", bucket, key);
    if (rc == DB_NONE)
        return version_id ? S3_E_NO_VERSION : S3_E_NO_KEY;
    return rc != 0 ? rc : read_row(rows, ret);
}

int object_find_uploaded(struct tx *tx, const char *bucket, const char *key, const char *upload_id,
                         struct object *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT " COLUMNS " FROM s3_object WHERE upload = $1 AND bucket = $2 AND key = $3",
                          "sss", upload_id, bucket, key);
    if (rc == DB_NONE)
        return S3_E_NO_KEY;
    return rc != 0 ? rc : read_row(rows, ret);
}

static int remove_row(struct tx *tx, const char *bucket, const char *key, const struct object *object)
{
    int rc = tx_exec(tx, "DELETE FROM s3_object WHERE bucket = $1 AND key = $2 AND rank = $3", "ssi", bucket,
                     key, -object->sequence);
    if (rc == 0 && object->parts > 0)
        rc = object_part_remove_all(tx, object->sequence);
    return rc != 0 || object->marker ? rc : blob_unref(tx, object->blob);
}

static int discharge(struct tx *tx, const struct object *object)
{
    return object->marker ? 0 : usage_add(tx, object->account, -1, -object->size, NULL);
}

/* The version "null", which a put or delete without versioning replaces, and its sequence 0 if there is none.
 */
static int find_null(struct tx *tx, const struct bucket *bucket, const char *key, struct object *ret)
{
    if (bucket->versioning == VERSIONING_ENABLED)
        return 0;
    int rc = object_find(tx, bucket->name, key, NULL_VERSION, ret);
    return rc == S3_E_NO_VERSION ? 0 : rc;
}

static int check_conditions(struct tx *tx, const struct bucket *bucket, const struct object_new *new,
                            struct reason *why)
{
    if (!new->if_none_match && !new->if_match)
        return 0;
    CLEANUP(object_unload) struct object current = {0};
    int rc = object_find(tx, bucket->name, new->key, NULL, &current);
    bool exists = rc == 0 && !current.marker;
    if (rc < 0)
        return rc;
    if (new->if_match && !exists)
        return reason_set(why, S3_E_NO_KEY, "The specified key does not exist.");
    bool matches =
        !new->if_match || strcmp(new->if_match, "*") == 0 || strcmp(new->if_match, current.etag) == 0;
    if ((new->if_none_match &&exists) || !matches)
        return reason_set(why, S3_E_PRECONDITION,
                          "At least one of the pre-conditions you specified did not hold");
    if (new->if_none_match &&new->over != 0)
        return reason_set(why, S3_E_CONFLICT,
                          "The conditional request cannot succeed due to a conflicting operation against "
                          "this resource.");
    return 0;
}

/* An ARN; of a session, a blank and the person behind it too. NULL: a service. */
static const char *author_text(const struct origin *origin, char *room, size_t size)
{
    if (!origin->arn || !origin->person || !origin->person[0])
        return origin->arn;
    (void)snprintf(room, size, "%s %s", origin->arn, origin->person);
    return room;
}

static int insert(struct tx *tx, const char *bucket, const struct object_new *new,
                  const struct object *object, const struct origin *origin)
{
    const char *name = checksum_name(new->checksum.algorithm);
    char author[sizeof((struct principal){0}.arn) + PERSON_SIZE];
    return tx_exec(
        tx,
        "INSERT INTO s3_object (bucket, key, rank, version_id, marker, size, etag, sha256, "
        "modified_ms, blob, headers, author, checksum_algorithm, checksum_type, checksum_value, parts, "
        "upload, tags, lock_mode, lock_until_ms, legal_hold, encryption, account, storage_class) "
        "VALUES ($1, $2, $3, $4, 0, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, "
        "$20, $21, $22, $23)",
        "ssisissiisssssisssiisss", bucket, new->key, -object->sequence, object->version_id, new->size,
        new->etag, new->sha256, object->modified_ms, object->blob,
        new->headers &&*new->headers ? new->headers : NULL, author_text(origin, author, sizeof(author)), name,
        name ? checksum_type(new->checksum.composite) : NULL, name ? new->checksum.text : NULL, new->parts,
        new->upload_id, new->tags, object->lock.mode, object->lock.until_ms, (int64_t)object->lock.hold,
        object->sealed ? "AES256" : NULL, object->account, new->storage_class);
}

int object_author(struct tx *tx, const char *bucket, const char *key, const char *version_id,
                  struct object_author *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct str rest, arn;
    int rc = tx_query_row(tx, &rows,
                          "SELECT author FROM s3_object WHERE bucket = $1 AND key = $2 AND version_id = $3 "
                          "AND marker = 0",
                          "sss", bucket, key, version_id);
    if (rc == DB_NONE || (rc == 0 && rows_null(rows, 0)))
        return S3_E_NO_VERSION;
    if (rc != 0)
        return rc;
    rest = rows_str(rows, 0);
    arn = str_split(&rest, ' ');
    if (arn.len >= sizeof(ret->arn))
        return FAULT(EBADMSG);
    copy_fixed(ret->arn, sizeof(ret->arn), arn);
    copy_fixed(ret->person, sizeof(ret->person), rest);
    return 0;
}

/* Takes a sequence number, gives the version its id, and removes the one that it replaces, if any. */
static int begin_version(struct tx *tx, const struct bucket *bucket, const char *key,
                         const struct object *old, struct object *ret)
{
    int rc = sequence_next(tx, &ret->sequence);
    if (rc != 0)
        return rc;
    if (bucket->versioning == VERSIONING_ENABLED) {
        make_version_id(ret->sequence, ret->version_id);
        return 0;
    }
    copy_fixed(ret->version_id, sizeof(ret->version_id), STR(NULL_VERSION));
    return old->sequence ? remove_row(tx, bucket->name, key, old) : 0;
}

/* Charges for what is put, and no more for what it replaces. S3_E_QUOTA: nothing has changed. */
static int charge(struct tx *tx, const struct object *new, const struct object *old, struct reason *why)
{
    bool replaces = old->sequence && !old->marker;
    if (replaces && strcmp(old->account, new->account) == 0)
        return usage_replace(tx, new->account, old->size, new->size, why);
    int rc = usage_add(tx, new->account, 1, new->size, why);
    return rc == 0 && replaces ? discharge(tx, old) : rc;
}

/* All that may be refused is, before anything changes. *ret_old: what will be replaced. */
static int admit(struct tx *tx, const struct bucket *bucket, const struct object_new *new,
                 struct object *object, struct object *ret_old, struct reason *why)
{
    int rc = check_conditions(tx, bucket, new, why);
    if (rc == 0)
        rc = find_null(tx, bucket, new->key, ret_old);
    if (rc == 0)
        rc = lock_of_new(bucket, object->modified_ms, &object->lock, why);
    return rc != 0 ? rc : charge(tx, object, ret_old, why);
}

static int store(struct tx *tx, const struct object_new *new, struct object *ret)
{
    ret->blob = new->shared_blob;
    ret->sealed = new->upload ? new->upload->sealer != NULL : new->shared_sealed;
    return new->upload ? upload_store(tx, new->upload, new->sha256, ret->sequence, &ret->blob) : 0;
}

static int tell(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                const struct origin *origin, const struct object_new *new, const struct object *object)
{
    struct event event = {.name = new->event,
                          .key = new->key,
                          .version_id = bucket->versioning == VERSIONING_NEVER ? NULL : object->version_id,
                          .etag = new->etag,
                          .size = new->size,
                          .sequence = object->sequence};
    struct object_created created = {.bucket = bucket->name,
                                     .key = new->key,
                                     .version_id =
                                         bucket->versioning == VERSIONING_ENABLED ? object->version_id : NULL,
                                     .who = origin->arn};
    int rc = notify(tx, platform, bucket, origin, &event);
    return rc != 0 ? rc : service_object_created(tx, platform, &created);
}

int object_put(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
               const struct origin *origin, const struct object_new *new, struct object *ret,
               struct reason *why)
{
    CLEANUP(object_unload) struct object old = {0};
    tx_touches(tx, object_subject(bucket->name, new->key));
    ret->modified_ms = clock_now_ms();
    ret->size = new->size;
    ret->lock = new->lock;
    copy_fixed(ret->account, sizeof(ret->account),
               str_of(origin->account ? origin->account : bucket->account));
    int rc = admit(tx, bucket, new, ret, &old, why);
    /* A shared blob gains its reference before an overwritten version may lose the last one. */
    if (rc == 0 && !new->upload && !new->shared_held)
        rc = blob_ref(tx, new->shared_blob);
    if (rc == 0)
        rc = begin_version(tx, bucket, new->key, &old, ret);
    if (rc == 0)
        rc = store(tx, new, ret);
    if (rc != 0)
        return rc;
    rc = insert(tx, bucket->name, new, ret, origin);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    return tell(tx, platform, bucket, origin, new, ret);
}

int object_tell(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                const struct origin *origin, const char *key, const struct object *object, const char *event)
{
    struct event changed = {.name = event,
                            .key = key,
                            .version_id = bucket->versioning == VERSIONING_NEVER ? NULL : object->version_id,
                            .etag = object->etag,
                            .size = object->size};
    int rc = sequence_next(tx, &changed.sequence);
    return rc != 0 ? rc : notify(tx, platform, bucket, origin, &changed);
}

int object_set_tags(struct tx *tx, const struct bucket *bucket, const char *key, const struct object *object,
                    const char *tags)
{
    return tx_exec(tx, "UPDATE s3_object SET tags = $1 WHERE bucket = $2 AND key = $3 AND rank = $4", "sssi",
                   tags, bucket->name, key, -object->sequence);
}

int object_set_lock(struct tx *tx, const char *bucket, const char *key, const struct object *object,
                    const struct object_lock *lock)
{
    return tx_exec(tx,
                   "UPDATE s3_object SET lock_mode = $1, lock_until_ms = $2, legal_hold = $3"
                   " WHERE bucket = $4 AND key = $5 AND rank = $6",
                   "siissi", lock->mode, lock->until_ms, (int64_t)lock->hold, bucket, key, -object->sequence);
}

/* Uploads of the key that are under way learn of the object that goes, if one does: put and deleted since
 * they were begun, it conflicts with them as much as one that was there before. */
static int tell_uploads(struct tx *tx, const char *bucket, const char *key)
{
    return tx_exec(
        tx,
        "UPDATE s3_upload SET over_object = COALESCE((SELECT CASE WHEN marker = 0 THEN -rank ELSE 0 "
        "END FROM s3_object WHERE bucket = $1 AND key = $2 ORDER BY rank LIMIT 1), 0) "
        "WHERE bucket = $1 AND key = $2 AND over_object = 0",
        "ss", bucket, key);
}

static const char *removal(const struct origin *origin)
{
    return origin->lifecycle ? "LifecycleExpiration:Delete" : "ObjectRemoved:Delete";
}

static int remove_version(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                          const struct origin *origin, const char *key, const char *version_id,
                          struct deletion *ret)
{
    CLEANUP(object_unload) struct object old = {0};
    copy_fixed(ret->version_id, sizeof(ret->version_id), str_of(version_id));
    int rc = object_find(tx, bucket->name, key, version_id, &old);
    if (rc == S3_E_NO_VERSION)
        return 0;
    if (rc == 0 && lock_forbids(&old.lock, clock_now_ms(), origin->bypass_governance))
        return S3_E_LOCKED;
    struct event event = {.name = removal(origin), .key = key, .version_id = old.version_id};
    if (rc == 0)
        rc = remove_row(tx, bucket->name, key, &old);
    if (rc == 0)
        rc = discharge(tx, &old);
    if (rc == 0)
        rc = sequence_next(tx, &event.sequence);
    ret->marker = old.marker;
    return rc != 0 ? rc : notify(tx, platform, bucket, origin, &event);
}

static int put_marker(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                      const struct origin *origin, const char *key, struct deletion *ret)
{
    CLEANUP(object_unload) struct object old = {0};
    struct object marker = {.modified_ms = clock_now_ms()};
    int rc = find_null(tx, bucket, key, &old);
    if (rc == 0)
        rc = begin_version(tx, bucket, key, &old, &marker);
    if (rc == 0 && old.sequence)
        rc = discharge(tx, &old);
    if (rc == 0)
        rc = tx_exec(tx,
                     "INSERT INTO s3_object (bucket, key, rank, version_id, marker, size, etag, sha256, "
                     "modified_ms) VALUES ($1, $2, $3, $4, 1, 0, '', '', $5)",
                     "ssisi", bucket->name, key, -marker.sequence, marker.version_id, marker.modified_ms);
    if (rc != 0)
        return rc < 0 ? rc : FAULT(EIO);
    ret->marker = true;
    copy_fixed(ret->version_id, sizeof(ret->version_id), str_of(marker.version_id));
    struct event event = {.name = origin->lifecycle ? "LifecycleExpiration:DeleteMarkerCreated"
                                                    : "ObjectRemoved:DeleteMarkerCreated",
                          .key = key,
                          .version_id = marker.version_id,
                          .sequence = marker.sequence};
    return notify(tx, platform, bucket, origin, &event);
}

int object_delete(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                  const struct origin *origin, const char *key, const char *version_id, struct deletion *ret)
{
    *ret = (struct deletion){0};
    tx_touches(tx, object_subject(bucket->name, key));
    int rc = tell_uploads(tx, bucket->name, key);
    if (rc != 0)
        return rc;
    if (version_id)
        return remove_version(tx, platform, bucket, origin, key, version_id, ret);
    if (bucket->versioning != VERSIONING_NEVER)
        return put_marker(tx, platform, bucket, origin, key, ret);
    CLEANUP(object_unload) struct object old = {0};
    struct event event = {.name = removal(origin), .key = key};
    rc = find_null(tx, bucket, key, &old);
    if (rc != 0 || !old.sequence)
        return rc;
    rc = remove_row(tx, bucket->name, key, &old);
    if (rc == 0)
        rc = discharge(tx, &old);
    if (rc == 0 && !old.marker)
        rc = sequence_next(tx, &event.sequence);
    return rc != 0 || old.marker ? rc : notify(tx, platform, bucket, origin, &event);
}
