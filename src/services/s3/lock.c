/* See lock.h, and setting.h for the check. */
#include "services/s3/lock.h"
#include "services/s3/setting.h"
#include "wire/json.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define DAYS_MAX 36500
#define YEARS_MAX 100

const char *const LOCK_GOVERNANCE = "GOVERNANCE";
const char *const LOCK_COMPLIANCE = "COMPLIANCE";

const char *lock_mode_named(struct str name)
{
    if (str_eqc(name, LOCK_GOVERNANCE))
        return LOCK_GOVERNANCE;
    return str_eqc(name, LOCK_COMPLIANCE) ? LOCK_COMPLIANCE : NULL;
}

static bool retained(const struct object_lock *lock, int64_t now_ms)
{
    return lock->mode && lock->until_ms > now_ms;
}

bool lock_forbids(const struct object_lock *lock, int64_t now_ms, bool bypass)
{
    if (lock->hold == HOLD_ON)
        return true;
    return retained(lock, now_ms) && !(bypass && lock->mode == LOCK_GOVERNANCE);
}

int lock_may_become(const struct object_lock *lock, const struct object_lock *new, int64_t now_ms,
                    bool bypass)
{
    bool only_longer = lock->mode == new->mode && lock->until_ms <= new->until_ms;
    if (!retained(lock, now_ms) || (bypass && lock->mode == LOCK_GOVERNANCE))
        return 0;
    return only_longer ? 0 : S3_E_LOCKED;
}

static int64_t period_ms(const json_t *retention)
{
    return json_object_get(retention, "Days") ? json_int(retention, "Days", 0) * DAY_MS
                                              : json_int(retention, "Years", 0) * 365 * DAY_MS;
}

int lock_of_new(const struct bucket *bucket, int64_t now_ms, struct object_lock *lock, struct reason *why)
{
    CLEANUP(json_free) json_t *configuration = NULL;
    if (!bucket->object_lock)
        return lock->mode || lock->hold != HOLD_NONE
                   ? reason_set(why, S3_E_REQUEST, "Bucket is missing ObjectLockConfiguration")
                   : 0;
    if (json_unpack_text(str_of(bucket->object_lock), &configuration) != 0)
        return FAULT(EBADMSG);
    const json_t *retention = json_path(configuration, "Rule.DefaultRetention");
    if (lock->mode || !retention)
        return 0;
    lock->mode = lock_mode_named(str_of(json_str(retention, "Mode", "")));
    lock->until_ms = now_ms + period_ms(retention);
    return 0;
}

int object_lock_check(struct tx *tx UNUSED, const struct bucket *bucket, json_t *document, struct reason *why)
{
    const json_t *retention = json_path(document, "Rule.DefaultRetention");
    const json_t *days = json_object_get(retention, "Days");
    const json_t *years = json_object_get(retention, "Years");
    if (strcmp(json_str(document, "ObjectLockEnabled", ""), "Enabled") != 0)
        return reason_set(why, S3_E_XML, "An object lock configuration says ObjectLockEnabled: Enabled.");
    if (bucket->versioning != VERSIONING_ENABLED)
        return reason_set(why, S3_E_BUCKET_STATE,
                          "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
    if (!retention)
        return 0;
    if (json_object_get(retention, "DefaultEventHold"))
        return reason_set(why, S3_E_NOT_IMPLEMENTED, LOCK_NO_EVENT_HOLDS);
    if (!json_object_get(retention, "Mode"))
        return reason_set(why, S3_E_XML, "A DefaultRetention has a Mode.");
    if ((days != NULL) == (years != NULL))
        return reason_set(why, S3_E_XML, "A DefaultRetention has either Days or Years.");
    int64_t count = json_integer_value(days ? days : years);
    if (count <= 0)
        return reason_set(why, S3_E_ARGUMENT, "Default retention period must be a positive integer value.");
    if (count > (days ? DAYS_MAX : YEARS_MAX))
        return reason_set(why, S3_E_ARGUMENT,
                          "Default retention period too large: %d days or %d years at most.", DAYS_MAX,
                          YEARS_MAX);
    return 0;
}
