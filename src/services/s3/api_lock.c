/* Object lock as requests and answers have it: retention and legal holds of versions. Source: S3 API
 * reference; S3's own messages. */
#include "base/clock.h"
#include "services/s3/argument.h"
#include "services/s3/access.h"
#include "services/s3/version_api.h"
#include "wire/json.h"
#include "wire/uri.h"

#define MODE "x-amz-object-lock-mode"
#define UNTIL "x-amz-object-lock-retain-until-date"
#define HOLD "x-amz-object-lock-legal-hold"
#define BYPASS "x-amz-bypass-governance-retention"

static const char *hold_name(enum legal_hold hold)
{
    return hold == HOLD_ON ? "ON" : "OFF";
}

static int check_until(struct call *c, int64_t until_ms)
{
    return until_ms > clock_now_ms()
               ? 0
               : call_fail(c, S3_E_ARGUMENT, "The retain until date must be in the future!");
}

int api_lock_headers(struct call *c, struct object_lock *ret)
{
    struct str mode = http_header(c->http, MODE);
    struct str until = http_header(c->http, UNTIL);
    struct str hold = http_header(c->http, HOLD);
    *ret = (struct object_lock){0};
    if (hold.ptr && !str_eqc(hold, "ON") && !str_eqc(hold, "OFF"))
        return api_bad_argument(c, HOLD, hold, "Legal Hold must be either of 'ON' or 'OFF'");
    ret->hold = !hold.ptr ? HOLD_NONE : str_eqc(hold, "ON") ? HOLD_ON : HOLD_OFF;
    if (!mode.ptr && !until.ptr)
        return 0;
    if (!mode.ptr || !until.ptr)
        return call_fail(c, S3_E_ARGUMENT, UNTIL " and " MODE " must both be supplied");
    ret->mode = lock_mode_named(str_trim(mode));
    if (!ret->mode)
        return api_bad_argument(c, MODE, mode, "Unknown wormMode directive.");
    if (!time_parse_iso8601(str_trim(until), &ret->until_ms))
        return api_bad_argument(c, UNTIL, until, "The retain until date must be provided in ISO 8601 format");
    return check_until(c, ret->until_ms);
}

void api_lock_reply(struct call *c, const struct object_lock *lock)
{
    char time[TIME_TEXT_SIZE];
    if (lock->mode) {
        time_iso8601(lock->until_ms, time);
        http_reply_header(c->http, MODE, lock->mode);
        http_reply_header(c->http, UNTIL, time);
    }
    if (lock->hold != HOLD_NONE)
        http_reply_header(c->http, HOLD, hold_name(lock->hold));
}

int api_bypass(struct call *c, struct tx *tx, const struct bucket *bucket, const char *key,
               const char *version_id, bool *ret)
{
    const struct access access = {"s3:BypassGovernanceRetention", key, version_id};
    *ret = str_eq_nocase(str_trim(http_header(c->http, BYPASS)), STR("true"));
    return *ret ? access_check(c, tx, bucket, &access) : 0;
}

/* The version that is meant, in a bucket that has object lock. */
static int find(struct call *c, struct bucket *bucket, struct object *object)
{
    const char *version_id = NULL;
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_version_id(c, &version_id);
    if (rc == 0)
        rc = api_bucket(c, c->tx, bucket);
    if (rc == 0 && !bucket->object_lock)
        return call_fail(c, S3_E_REQUEST, "Bucket is missing Object Lock Configuration");
    return rc != 0 ? rc : api_find_object(c, c->tx, bucket, c->key, version_id, object);
}

int api_get_retention(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    int rc = find(c, &bucket, &object);
    if (rc == 0 && !object.lock.mode)
        return S3_E_NO_LOCK;
    if (rc == 0)
        rc = json_put_str(c->out, "Mode", object.lock.mode);
    return rc != 0 ? rc : json_put_int(c->out, "RetainUntilDate", object.lock.until_ms);
}

/* Without mode and date the retention is taken away. */
static int read_retention(struct call *c, struct object_lock *ret)
{
    const char *mode = json_str(c->in, "Mode", NULL);
    const json_t *until = json_object_get(c->in, "RetainUntilDate");
    if (json_object_get(c->in, "EventHold") || json_object_get(c->in, "EventHoldDuration"))
        return call_fail(c, S3_E_NOT_IMPLEMENTED, LOCK_NO_EVENT_HOLDS);
    if ((mode != NULL) != (until != NULL))
        return call_fail(c, S3_E_XML,
                         "A Retention has both Mode and RetainUntilDate, or (to remove it) none.");
    ret->mode = mode ? lock_mode_named(str_of(mode)) : NULL;
    ret->until_ms = json_integer_value(until);
    return mode ? check_until(c, ret->until_ms) : 0;
}

int api_put_retention(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    struct object_lock new = {0};
    struct origin origin = api_origin(c);
    bool bypass = false;
    int rc = api_check_body(c);
    if (rc == 0)
        rc = read_retention(c, &new);
    if (rc == 0)
        rc = find(c, &bucket, &object);
    if (rc == 0)
        rc = api_bypass(c, c->tx, &bucket, c->key, object.version_id, &bypass);
    if (rc == 0)
        rc = lock_may_become(&object.lock, &new, clock_now_ms(), bypass);
    new.hold = object.lock.hold;
    if (rc == 0)
        rc = object_set_lock(c->tx, c->bucket, c->key, &object, &new);
    return rc != 0
               ? rc
               : object_tell(c->tx, c->platform, &bucket, &origin, c->key, &object, "ObjectRetention:Put");
}

int api_get_legal_hold(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    int rc = find(c, &bucket, &object);
    if (rc == 0 && object.lock.hold == HOLD_NONE)
        return S3_E_NO_LOCK;
    return rc != 0 ? rc : json_put_str(c->out, "Status", hold_name(object.lock.hold));
}

int api_put_legal_hold(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    int rc = api_check_body(c);
    if (rc == 0)
        rc = find(c, &bucket, &object);
    if (rc != 0)
        return rc;
    struct object_lock new = object.lock;
    new.hold = strcmp(json_str(c->in, "Status", ""), "ON") == 0 ? HOLD_ON : HOLD_OFF;
    return object_set_lock(c->tx, c->bucket, c->key, &object, &new);
}
