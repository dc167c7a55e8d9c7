/* See access.h. Source: S3 user guide, "How Amazon S3 authorizes a request for a bucket operation", "Blocking
 * public access to your Amazon S3 storage". */
#include "services/s3/access_keys.h"
#include "services/iam/names.h"
#include "services/iam/evaluate.h"
#include "services/s3/bucket_policy.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include "wire/uri.h"

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
    const struct policy_request request = {.caller = caller,
                                           .action = a->access->action,
                                           .resource = resource,
                                           .context = access_key_values,
                                           .ctx = a};
    bool is_restricted = false;
    int rc = bucket_policy_read(a->bucket, &policy);
    if (rc != 0)
        return rc;
    enum policy_verdict verdict = policy_evaluate(policy, &request);
    if (verdict == POLICY_DENIES && !is_rescue(a))
        return refuse(a, resource, "with an explicit deny in a resource-based policy");
    if (own)
        return 0;
    rc = restricted(a, policy, &is_restricted);
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
    struct asking a = {.c = c,
                       .tx = tx,
                       .bucket = bucket,
                       .access = access,
                       .facts = {.platform = c->platform,
                                 .caller = c->caller,
                                 .http = c->http,
                                 .resource_account = bucket->account}};
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
        const struct access access = {extras[i].action, c->key, NULL};
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
    const struct access access = {action, key, NULL};
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
