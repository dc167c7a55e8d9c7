/* See lifecycle.h, and setting.h for the check. Source: S3's own messages. */
#include "services/s3/lifecycle.h"
#include "base/hash.h"
#include "base/id.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include <inttypes.h>

#define ID_MAX 255
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define SIZE_LESS_MAX INT64_C(1099511627776000)

/* ---- the configuration */

static size_t count_members(const json_t *object, const char *const *names, size_t count)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += json_object_get(object, names[i]) != NULL;
    return found;
}

/* The filter's conditions: itself, or what it joins by And. */
static const json_t *conditions_of(const json_t *rule)
{
    const json_t *filter = json_object_get(rule, "Filter");
    const json_t *both = json_object_get(filter, "And");
    return both ? both : filter;
}

static bool looks_at_tags(const json_t *rule)
{
    return json_object_get(conditions_of(rule), "Tag") != NULL;
}

static bool looks_at_size(const json_t *rule)
{
    const json_t *conditions = conditions_of(rule);
    return json_object_get(conditions, "ObjectSizeGreaterThan") ||
           json_object_get(conditions, "ObjectSizeLessThan");
}

static int malformed(struct reason *why, const char *says)
{
    return reason_set(why, S3_E_XML, "%s", says);
}

static int check_sizes(const json_t *conditions, struct reason *why)
{
    int64_t above = json_int(conditions, "ObjectSizeGreaterThan", 0);
    int64_t below = json_int(conditions, "ObjectSizeLessThan", SIZE_LESS_MAX);
    if (below < 1 || below > SIZE_LESS_MAX)
        return reason_set(why, S3_E_REQUEST, "'ObjectSizeLessThan' should be between 1 and %" PRId64 ".",
                          SIZE_LESS_MAX);
    if (above < 0)
        return reason_set(why, S3_E_REQUEST, "'ObjectSizeGreaterThan' must not be negative.");
    return below > above
               ? 0
               : reason_set(why, S3_E_REQUEST,
                            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.");
}

/* What And joins: its tags are a list. */
static int check_joined(const json_t *both, struct reason *why)
{
    static const char *const others[] = {"Prefix", "ObjectSizeGreaterThan", "ObjectSizeLessThan"};
    const json_t *tags = json_object_get(both, "Tag");
    if (count_members(both, others, ARRAY_LEN(others)) + json_array_size(tags) < 2)
        return malformed(why, "An And joins two conditions or more.");
    for (size_t i = 0; i < json_array_size(tags); i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(json_str(json_array_get(tags, i), "Key", ""),
                       json_str(json_array_get(tags, k), "Key", "")) == 0)
                return reason_set(why, S3_E_REQUEST, "Duplicate Tag Keys are not allowed.");
    return 0;
}

static int check_filter(const json_t *rule, struct reason *why)
{
    static const char *const one_of[] = {"Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan",
                                         "And"};
    const json_t *filter = json_object_get(rule, "Filter");
    const json_t *both = json_object_get(filter, "And");
    if ((filter != NULL) == (json_object_get(rule, "Prefix") != NULL))
        return malformed(why, "A lifecycle rule has a Filter, or (as of old) a Prefix: one of them.");
    if (count_members(filter, one_of, ARRAY_LEN(one_of)) > 1)
        return malformed(why, "A Filter has one condition; several are joined by And.");
    int rc = both ? check_joined(both, why) : 0;
    return rc != 0 ? rc : check_sizes(conditions_of(rule), why);
}

/* Of an action for which neither is looked at. */
static int check_looks_at_neither(const json_t *rule, const char *action, struct reason *why)
{
    if (looks_at_tags(rule))
        return reason_set(why, S3_E_REQUEST, "%s cannot be specified with Tags.", action);
    return looks_at_size(rule)
               ? reason_set(why, S3_E_REQUEST, "%s cannot be specified with Object Size.", action)
               : 0;
}

static int check_expiration(const json_t *rule, struct reason *why)
{
    static const char *const one_of[] = {"Days", "Date", "ExpiredObjectDeleteMarker"};
    const json_t *expiration = json_object_get(rule, "Expiration");
    if (!expiration)
        return 0;
    if (count_members(expiration, one_of, ARRAY_LEN(one_of)) != 1)
        return malformed(why, "An Expiration has one of Days, Date and ExpiredObjectDeleteMarker.");
    if (json_int(expiration, "Days", 1) <= 0)
        return reason_set(why, S3_E_ARGUMENT, "'Days' for Expiration action must be a positive integer");
    if (json_int(expiration, "Date", 0) % DAY_MS != 0)
        return reason_set(why, S3_E_ARGUMENT, "'Date' must be at midnight GMT");
    return json_object_get(expiration, "ExpiredObjectDeleteMarker")
               ? check_looks_at_neither(rule, "ExpiredObjectDeleteMarker", why)
               : 0;
}

static int check_others(const json_t *rule, struct reason *why)
{
    const json_t *noncurrent = json_object_get(rule, "NoncurrentVersionExpiration");
    const json_t *abort_uploads = json_object_get(rule, "AbortIncompleteMultipartUpload");
    int64_t kept = json_int(noncurrent, "NewerNoncurrentVersions", 1);
    if (json_int(noncurrent, "NoncurrentDays", 1) <= 0)
        return reason_set(
            why, S3_E_ARGUMENT,
            "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer");
    if (kept < 1 || kept > 100)
        return reason_set(why, S3_E_ARGUMENT, "'NewerNoncurrentVersions' must be between 1 and 100");
    if (json_int(abort_uploads, "DaysAfterInitiation", 1) <= 0)
        return reason_set(
            why, S3_E_ARGUMENT,
            "'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer");
    return abort_uploads ? check_looks_at_neither(rule, "AbortIncompleteMultipartUpload", why) : 0;
}

static int check_rule(json_t *rule, struct reason *why)
{
    static const char *const actions[] = {"Expiration", "NoncurrentVersionExpiration",
                                          "AbortIncompleteMultipartUpload"};
    if (json_object_get(rule, "Transition") || json_object_get(rule, "NoncurrentVersionTransition"))
        return reason_set(
            why, S3_E_NOT_IMPLEMENTED,
            "Transitions are not supported by Slipway: all its storage classes are stored alike.");
    if (count_members(rule, actions, ARRAY_LEN(actions)) == 0)
        return reason_set(why, S3_E_REQUEST, "At least one action needs to be specified in a rule");
    int rc = check_filter(rule, why);
    if (rc == 0)
        rc = check_expiration(rule, why);
    return rc != 0 ? rc : check_others(rule, why);
}

/* All rules are of the newer form, or all of the older. */
static int check_form(const json_t *rules, size_t i, struct reason *why)
{
    bool newer = json_object_get(json_array_get(rules, i), "Filter") != NULL;
    if (newer == (json_object_get(json_array_get(rules, 0), "Filter") != NULL))
        return 0;
    return reason_set(why, S3_E_REQUEST,
                      newer ? "Filter element can only be used in Lifecycle V2."
                            : "Base level prefix cannot be used in Lifecycle V2, prefixes are only supported "
                              "in the Filter.");
}

/* A rule without a name gets one, as on S3. */
static int check_name(const json_t *rules, size_t i, struct reason *why)
{
    char id[ID_UUID_SIZE], encoded[2 * ID_UUID_SIZE];
    json_t *rule = json_array_get(rules, i);
    const char *name = json_str(rule, "ID", "");
    if (*name == '\0') {
        id_uuid(id);
        base64_encode(id, strlen(id), encoded);
        return json_put_str(rule, "ID", encoded);
    }
    if (strlen(name) > ID_MAX)
        return reason_set(why, S3_E_ARGUMENT, "ID length should not exceed allowed limit of %d", ID_MAX);
    for (size_t k = 0; k < i; k++)
        if (strcmp(json_str(json_array_get(rules, k), "ID", ""), name) == 0)
            return reason_set(why, S3_E_ARGUMENT,
                              "Rule ID must be unique. Found same ID for more than one rule");
    return 0;
}

int lifecycle_check(struct tx *tx, const struct bucket *bucket UNUSED, json_t *document, struct reason *why)
{
    const json_t *rules = json_object_get(document, "Rule");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(rules); i++) {
        rc = check_rule(json_array_get(rules, i), why);
        if (rc == 0)
            rc = check_form(rules, i, why);
        if (rc == 0)
            rc = check_name(rules, i, why);
    }
    tx_wake(tx, "%s", LIFECYCLE_TOPIC);
    return rc;
}

/* ---- at work */

bool lifecycle_enabled(const json_t *rule)
{
    return strcmp(json_str(rule, "Status", ""), "Enabled") == 0;
}

const char *lifecycle_prefix(const json_t *rule)
{
    return json_str(rule, "Prefix", json_str(conditions_of(rule), "Prefix", ""));
}

static bool has_tag(const json_t *tags, const json_t *wanted)
{
    const char *value = json_str(tags, json_str(wanted, "Key", ""), NULL);
    return value && strcmp(value, json_str(wanted, "Value", "")) == 0;
}

/* `wanted` is one tag, or a list of which the object has all. */
static bool has_tags(const char *text, const json_t *wanted)
{
    CLEANUP(json_free) json_t *tags = NULL;
    if (!wanted)
        return true;
    if (!text || json_unpack_text(str_of(text), &tags) != 0)
        return false;
    if (!json_is_array(wanted))
        return has_tag(tags, wanted);
    for (size_t i = 0; i < json_array_size(wanted); i++)
        if (!has_tag(tags, json_array_get(wanted, i)))
            return false;
    return true;
}

bool lifecycle_applies(const json_t *rule, const struct lifecycle_object *object)
{
    const json_t *conditions = conditions_of(rule);
    return lifecycle_enabled(rule) && str_starts(object->key, str_of(lifecycle_prefix(rule))) &&
           object->size > json_int(conditions, "ObjectSizeGreaterThan", -1) &&
           object->size < json_int(conditions, "ObjectSizeLessThan", INT64_MAX) &&
           has_tags(object->tags, json_object_get(conditions, "Tag"));
}

int64_t lifecycle_due_ms(int64_t since_ms, int64_t days)
{
    if (days > INT64_MAX / DAY_MS / 2)
        return INT64_MAX;
    int64_t passed_ms = since_ms + days * DAY_MS;
    return passed_ms % DAY_MS == 0 ? passed_ms : passed_ms - passed_ms % DAY_MS + DAY_MS;
}

bool lifecycle_expires(const json_t *rule, int64_t modified_ms, int64_t *ret_ms)
{
    const json_t *expiration = json_object_get(rule, "Expiration");
    const json_t *days = json_object_get(expiration, "Days");
    const json_t *date = json_object_get(expiration, "Date");
    if (days)
        *ret_ms = lifecycle_due_ms(modified_ms, json_integer_value(days));
    else if (date)
        *ret_ms = json_integer_value(date);
    return days || date;
}

const json_t *lifecycle_first(const json_t *configuration, const struct lifecycle_object *object,
                              int64_t modified_ms, int64_t *ret_ms)
{
    const json_t *rules = json_object_get(configuration, "Rule");
    const json_t *first = NULL;
    int64_t at_ms = 0;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        if (!lifecycle_applies(rule, object) || !lifecycle_expires(rule, modified_ms, &at_ms) ||
            (first && at_ms >= *ret_ms))
            continue;
        first = rule;
        *ret_ms = at_ms;
    }
    return first;
}

const json_t *lifecycle_first_abort(const json_t *configuration, struct str key, int64_t started_ms,
                                    int64_t *ret_ms)
{
    const json_t *rules = json_object_get(configuration, "Rule");
    const json_t *first = NULL;
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const json_t *abort_uploads = json_object_get(rule, "AbortIncompleteMultipartUpload");
        if (!abort_uploads || !lifecycle_enabled(rule) || !str_starts(key, str_of(lifecycle_prefix(rule))))
            continue;
        int64_t at_ms =
            lifecycle_due_ms(started_ms, json_int(abort_uploads, "DaysAfterInitiation", INT64_MAX));
        if (first && at_ms >= *ret_ms)
            continue;
        first = rule;
        *ret_ms = at_ms;
    }
    return first;
}
