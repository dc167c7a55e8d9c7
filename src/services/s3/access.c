/* See access.h. Source: S3 user guide, "How Amazon S3 authorizes a request for a bucket operation", "Blocking
 * public access to your Amazon S3 storage". */
#include "services/s3/access.h"
#include "services/iam/names.h"
#include "base/clock.h"
#include "services/iam/facts.h"
#include "services/s3/bucket_policy.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include "wire/uri.h"
#include <inttypes.h>

#define DAY_MS 86400000LL

struct asking {
    struct call *c;
    struct tx *tx;
    const struct bucket *bucket;
    const struct access *access;
    struct request_facts facts;
};

/* ---- condition keys */

static size_t one(struct str value, struct str *ret)
{
    *ret = value;
    return value.ptr ? 1 : 0;
}

static size_t one_text(const char *text, struct str *ret)
{
    return one(str_of(text), ret);
}

static size_t resource_account(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return one_text(a->bucket->account, ret);
}

static size_t signature_version(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return a->c->caller ? one(a->c->by_version_2 ? STR("AWS") : STR("AWS4-HMAC-SHA256"), ret) : 0;
}

static size_t auth_type(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    if (!a->c->caller)
        return 0;
    if (strcmp(a->c->operation->name, "PostObject") == 0)
        return one(STR("POST"), ret);
    bool query = a->c->by_version_2 || uri_has(&a->c->query, "X-Amz-Signature");
    return one(query ? STR("REST-QUERY-STRING") : STR("REST-HEADER"), ret);
}

/* Of URLs and forms alone; Signature Version 2 is always 0 old. */
static size_t signature_age(struct asking *a, const char *rest, struct str *ret)
{
    int64_t age_ms = a->c->by_version_2 ? 0 : clock_now_ms() - a->c->signed_ms;
    if (auth_type(a, rest, ret) == 0 || str_eqc(*ret, "REST-HEADER"))
        return 0;
    return one_text(arena_printf(a->c->arena, "%" PRId64, age_ms > 0 ? age_ms : 0), ret);
}

static size_t of_header(struct asking *a, const char *rest, struct str *ret)
{
    return one(http_header(a->c->http, rest), ret);
}

static size_t amz_header(struct asking *a, const char *rest, struct str *ret)
{
    const char *name = arena_printf(a->c->arena, "x-amz-%s", rest);
    return name ? of_header(a, name, ret) : 0;
}

/* A lock is asked for by headers of a write, or by the body of an operation of its own. */
static size_t lock_mode(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    const char *mode = json_str(a->c->in, "Mode", NULL);
    return mode ? one_text(mode, ret) : of_header(a, "x-amz-object-lock-mode", ret);
}

static size_t lock_hold(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    const char *hold = json_str(a->c->in, "Status", NULL);
    return hold ? one_text(hold, ret) : of_header(a, "x-amz-object-lock-legal-hold", ret);
}

static bool lock_until(const struct asking *a, int64_t *ret_ms)
{
    const json_t *until = json_object_get(a->c->in, "RetainUntilDate");
    if (!until)
        return time_parse_iso8601(str_trim(http_header(a->c->http, "x-amz-object-lock-retain-until-date")),
                                  ret_ms);
    *ret_ms = json_integer_value(until);
    return true;
}

static size_t lock_until_date(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    char text[TIME_TEXT_SIZE];
    int64_t until_ms = 0;
    if (!lock_until(a, &until_ms))
        return 0;
    time_iso8601(until_ms, text);
    return one_text(arena_dup(a->c->arena, str_of(text)), ret);
}

/* A day that has begun counts. */
static size_t lock_days(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    int64_t until_ms = 0;
    if (!lock_until(a, &until_ms))
        return 0;
    int64_t days = (until_ms - clock_now_ms() + DAY_MS - 1) / DAY_MS;
    return one_text(arena_printf(a->c->arena, "%" PRId64, days > 0 ? days : 0), ret);
}

static size_t if_match(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return of_header(a, "if-match", ret);
}

static size_t if_none_match(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return of_header(a, "if-none-match", ret);
}

static size_t prefix(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return one(uri_get(&a->c->query, "prefix"), ret);
}

static size_t delimiter(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return one(uri_get(&a->c->query, "delimiter"), ret);
}

static size_t max_keys(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return one(uri_get(&a->c->query, "max-keys"), ret);
}

static size_t version_id(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    return one_text(a->access->version_id, ret);
}

static size_t existing_tag(struct asking *a, const char *rest, struct str *ret)
{
    CLEANUP(object_unload) struct object object = {0};
    CLEANUP(json_free) json_t *tags = NULL;
    const struct access *access = a->access;
    if (!access->key || object_find(a->tx, a->bucket->name, access->key, access->version_id, &object) != 0 ||
        !object.tags || json_unpack_text(str_of(object.tags), &tags) != 0)
        return 0;
    const char *value = json_str(tags, rest, NULL);
    return value ? one_text(arena_dup(a->c->arena, str_of(value)), ret) : 0;
}

static size_t request_tag(struct asking *a, const char *rest, struct str *ret)
{
    struct uri_query pairs = {0};
    struct str said = http_header(a->c->http, "x-amz-tagging");
    if (!said.ptr || uri_parse_query(a->c->arena, str_trim(said), true, &pairs) != 0)
        return 0;
    return one(uri_get(&pairs, rest), ret);
}

static size_t request_tag_keys(struct asking *a, const char *rest UNUSED, struct str *ret)
{
    struct uri_query pairs = {0};
    struct str said = http_header(a->c->http, "x-amz-tagging");
    if (!said.ptr || uri_parse_query(a->c->arena, str_trim(said), true, &pairs) != 0)
        return 0;
    size_t count = pairs.count < POLICY_VALUES_MAX ? pairs.count : POLICY_VALUES_MAX;
    for (size_t i = 0; i < count; i++)
        ret[i] = pairs.pairs[i].name;
    return count;
}

/* A name that ends with - or / is the beginning of many; the function gets what is behind it. */
static const struct {
    const char *name;
    size_t (*get)(struct asking *a, const char *rest, struct str *ret);
} keys[] = {
    {"s3:authType", auth_type},
    {"s3:delimiter", delimiter},
    {"s3:ExistingObjectTag/", existing_tag},
    {"s3:if-match", if_match},
    {"s3:if-none-match", if_none_match},
    {"s3:max-keys", max_keys},
    {"s3:object-lock-legal-hold", lock_hold},
    {"s3:object-lock-mode", lock_mode},
    {"s3:object-lock-remaining-retention-days", lock_days},
    {"s3:object-lock-retain-until-date", lock_until_date},
    {"s3:prefix", prefix},
    {"s3:RequestObjectTag/", request_tag},
    {"s3:RequestObjectTagKeys", request_tag_keys},
    {"s3:ResourceAccount", resource_account},
    {"s3:signatureAge", signature_age},
    {"s3:signatureversion", signature_version},
    {"s3:VersionId", version_id},
    {"s3:x-amz-", amz_header},
};

static size_t context(void *ctx, const char *key, struct str ret[POLICY_VALUES_MAX])
{
    struct asking *asking = ctx;
    struct str asked = str_of(key);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct str name = str_of(keys[i].name);
        bool many = name.ptr[name.len - 1] == '-' || name.ptr[name.len - 1] == '/';
        bool same = asked.len >= name.len && str_eq_nocase((struct str){key, name.len}, name);
        if (same && (many || asked.len == name.len))
            return keys[i].get(ctx, key + name.len, ret);
    }
    return request_fact(&asking->facts, key, ret);
}

/* ---- the decision */

static int restricted(const struct asking *a, const json_t *policy, bool *ret)
{
    CLEANUP(json_free) json_t *block = NULL;
    int rc = setting_get(a->tx, a->bucket->name, SETTING_PUBLIC_ACCESS, &block);
    *ret = rc == 0 && json_bool(block, "RestrictPublicBuckets", false) && bucket_policy_public(policy);
    return rc < 0 ? rc : 0;
}

static int refuse(const struct asking *a, const char *resource, const char *because)
{
    struct call *c = a->c;
    if (!c->caller)
        return call_fail(c, S3_E_DENIED, "Access Denied");
    return call_fail(c, S3_E_DENIED, "User: %s is not authorized to perform: %s on resource: \"%s\" %s",
                     c->caller->arn, a->access->action, resource, because);
}

/* The owner cannot lock itself out: its root user may always change the policy. */
static bool is_rescue(const struct asking *a)
{
    static const char *const actions[] = {"s3:GetBucketPolicy", "s3:PutBucketPolicy",
                                          "s3:DeleteBucketPolicy"};
    const struct principal *caller = a->c->caller;
    bool root = caller && strcmp(caller->account, a->bucket->account) == 0 &&
                str_ends(str_of(caller->arn), STR(":root"));
    for (size_t i = 0; root && i < ARRAY_LEN(actions); i++)
        if (strcmp(a->access->action, actions[i]) == 0)
            return true;
    return false;
}

static int decide(struct asking *a, const char *resource)
{
    const struct principal *caller = a->c->caller;
    bool own = caller && strcmp(caller->account, a->bucket->account) == 0;
    CLEANUP(json_free) json_t *policy = NULL;
    a->facts = (struct request_facts){.platform = a->c->platform,
                                      .caller = caller,
                                      .http = a->c->http,
                                      .resource_account = a->bucket->account};
    const struct policy_request request = {
        .caller = caller, .action = a->access->action, .resource = resource, .context = context, .ctx = a};
    bool is_restricted = false;
    if (json_unpack_text(str_of(a->bucket->policy), &policy) != 0)
        return FAULT(EBADMSG);
    enum policy_verdict verdict = policy_evaluate(policy, &request);
    if (verdict == POLICY_DENIES && !is_rescue(a))
        return refuse(a, resource, "with an explicit deny in a resource-based policy");
    if (own)
        return 0;
    int rc = restricted(a, policy, &is_restricted);
    if (rc != 0)
        return rc;
    if (verdict == POLICY_ALLOWS && !is_restricted)
        return 0;
    return refuse(a, resource,
                  is_restricted ? "because public policies are restricted by the RestrictPublicBuckets "
                                  "setting in S3 Block Public Access."
                                : "because no resource-based policy allows the action");
}

/* What is in the bucket, not how it is set, and not what keeps it there. */
static bool is_of_objects(const struct access *access)
{
    static const char *const locks[] = {"s3:BypassGovernanceRetention", "s3:PutObjectRetention",
                                        "s3:PutObjectLegalHold"};
    for (size_t i = 0; i < ARRAY_LEN(locks); i++)
        if (strcmp(locks[i], access->action) == 0)
            return false;
    static const char *const actions[] = {"s3:ListBucket", "s3:ListBucketVersions",
                                          "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"};
    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        if (strcmp(actions[i], access->action) == 0)
            return true;
    return access->key != NULL;
}

/* Where there is no policy. */
static bool is_open(const struct asking *a)
{
    const struct principal *caller = a->c->caller;
    return caller && (strcmp(caller->account, a->bucket->account) == 0 || is_of_objects(a->access));
}

int access_check(struct call *c, struct tx *tx, const struct bucket *bucket, const struct access *access)
{
    struct asking a = {.c = c, .tx = tx, .bucket = bucket, .access = access};
    if (!bucket->policy && is_open(&a))
        return 0;
    const char *resource = access->key
                               ? arena_printf(c->arena, "arn:aws:s3:::%s/%s", bucket->name, access->key)
                               : arena_printf(c->arena, "arn:aws:s3:::%s", bucket->name);
    if (!resource)
        return FAULT(ENOMEM);
    return bucket->policy ? decide(&a, resource)
                          : refuse(&a, resource, "because no resource-based policy allows the action");
}

int access_check_extras(struct call *c, struct tx *tx, const struct bucket *bucket, bool tags,
                        const struct object_lock *lock)
{
    const struct {
        bool asked;
        const char *action;
    } extras[] = {
        {tags, "s3:PutObjectTagging"},
        {lock->mode != NULL, "s3:PutObjectRetention"},
        {lock->hold != HOLD_NONE, "s3:PutObjectLegalHold"},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(extras); i++) {
        const struct access access = {extras[i].action, c->key};
        rc = extras[i].asked ? access_check(c, tx, bucket, &access) : 0;
    }
    return rc;
}

/* ---- of requests */

/* With a versionId some actions are others. */
static const char *action_of(const struct call *c)
{
    static const struct {
        const char *action;
        const char *of_version;
    } versions[] = {
        {"s3:GetObject", "s3:GetObjectVersion"},
        {"s3:DeleteObject", "s3:DeleteObjectVersion"},
        {"s3:GetObjectAttributes", "s3:GetObjectVersionAttributes"},
        {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
        {"s3:PutObjectTagging", "s3:PutObjectVersionTagging"},
        {"s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"},
        {"s3:GetObjectAcl", "s3:GetObjectVersionAcl"},
        {"s3:PutObjectAcl", "s3:PutObjectVersionAcl"},
    };
    const char *action = c->operation->iam_action;
    for (size_t i = 0; uri_has(&c->query, "versionId") && i < ARRAY_LEN(versions); i++)
        if (strcmp(versions[i].action, action) == 0)
            return versions[i].of_version;
    return action;
}

int api_check_owner(struct call *c, const struct bucket *bucket, const char *header)
{
    struct str expected = http_header(c->http, header);
    const char *account = expected.ptr ? arena_dup(c->arena, str_trim(expected)) : "";
    if (!account)
        return FAULT(ENOMEM);
    if (expected.ptr && !iam_account_id_ok(account))
        return call_fail(
            c, S3_E_OWNER,
            "The value of the expected bucket owner parameter must be an AWS Account ID... [" STR_FMT "]",
            STR_ARG(expected));
    return !expected.ptr || strcmp(account, bucket->account) == 0
               ? 0
               : call_fail(c, S3_E_DENIED, "Access Denied: the bucket %s is not account %s's.", bucket->name,
                           account);
}

int api_bucket(struct call *c, struct tx *tx, struct bucket *ret)
{
    const struct access access = {action_of(c), c->key, uri_get(&c->query, "versionId").ptr};
    int rc = bucket_load(tx, c->bucket, ret, &c->reason);
    if (rc == 0)
        rc = api_check_owner(c, ret, "x-amz-expected-bucket-owner");
    return rc != 0 ? rc : access_check(c, tx, ret, &access);
}

int api_bucket_for(struct call *c, struct tx *tx, const char *name, const struct access *access,
                   struct bucket *ret)
{
    int rc = bucket_load(tx, name, ret, &c->reason);
    return rc != 0 ? rc : access_check(c, tx, ret, access);
}

bool api_may(struct call *c, struct tx *tx, const struct bucket *bucket, const char *action, const char *key)
{
    const struct access access = {action, key};
    struct reason kept = c->reason;
    bool may = access_check(c, tx, bucket, &access) == 0;
    c->reason = kept;
    return may;
}

int api_admit_unsigned(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    if (c->caller)
        return 0;
    if (c->http->must_not_wait)
        return CALL_ELSEWHERE;
    int rc = db_read(c->platform->db, &tx);
    return rc != 0 ? rc : api_bucket(c, tx, &bucket);
}
