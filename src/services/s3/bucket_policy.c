/* See bucket_policy.h. Source: S3 user guide, "Bucket policies", "The meaning of 'public'"; S3's own
 * messages. */
#include "services/s3/bucket_policy.h"
#include "services/iam/evaluate.h"
#include "services/iam/iam.h"
#include "services/iam/policy_form.h"
#include "services/s3/access_keys.h"
#include "services/s3/policy_actions.h"
#include "wire/json.h"
#include <pthread.h>

#define POLICY_MAX_BYTES 20480

static int bad(struct reason *why, const char *says)
{
    return reason_set(why, S3_E_POLICY_FORM, "%s", says);
}

/* ---- form */

static bool not_action(void *ctx UNUSED, const char *text)
{
    return !policy_action_is(text);
}

/* `ctx` is the bucket's ARN: a resource is the bucket, or something in it; patterns may stand for either. */
static bool not_of_bucket(void *ctx, const char *text)
{
    struct str arn = str_of(ctx);
    struct str resource = str_of(text);
    if (str_eqc(resource, "*"))
        return true; /* all there is */
    if (policy_matches(resource, arn, false))
        return false;
    bool within = str_starts(resource, arn) && resource.len > arn.len && resource.ptr[arn.len] == '/';
    const char *slash = memchr(resource.ptr, '/', resource.len);
    bool pattern =
        slash && policy_matches((struct str){resource.ptr, (size_t)(slash - resource.ptr)}, arn, false);
    return !within && !pattern;
}

/* ---- which action is of what */

struct statement_resources {
    const json_t *resource;
    const char *arn; /* the bucket's */
};

static bool is_bucket(void *ctx, const char *text)
{
    return policy_matches(str_of(text), str_of(ctx), false);
}

static bool has_objects(void *ctx UNUSED, const char *text)
{
    return strpbrk(text, "/*?") != NULL;
}

static bool applies_to_none(void *ctx, const char *action)
{
    const struct statement_resources *of = ctx;
    bool of_bucket = policy_action_of_bucket(action) && policy_any(of->resource, is_bucket, (void *)of->arn);
    bool of_object = policy_action_of_object(action) && policy_any(of->resource, has_objects, NULL);
    return !of_bucket && !of_object;
}

/* An action that is allowed or denied of nothing is a mistake. */
static int check_applies(const json_t *statement, const char *arn, struct reason *why)
{
    struct statement_resources of = {json_object_get(statement, "Resource"), arn};
    const json_t *action = json_object_get(statement, "Action");
    return of.resource && action && policy_any(action, applies_to_none, &of)
               ? bad(why, "Action does not apply to any resource(s) in statement")
               : 0;
}

/* ---- which condition is of what */

static bool key_is_not_of(void *ctx, const char *action)
{
    return !policy_action_has_key(action, ctx);
}

/* A condition that no request for the action can meet allows nothing and, worse, denies nothing. */
static int check_conditions_apply(const json_t *statement, struct reason *why)
{
    const char *operator, * key;
    json_t *block, *wanted;
    const json_t *action = json_object_get(statement, "Action");
    json_object_foreach (json_object_get(statement, "Condition"), operator, block)
        json_object_foreach (block, key, wanted)
            if (action && policy_any(action, key_is_not_of, (void *)key))
                return bad(why,
                           "Conditions do not apply to combination of actions and resources in statement");
    return 0;
}

/* ---- statements */

static int check_statement(const json_t *statement, const char *arn, struct reason *why)
{
    const char *effect = json_str(statement, "Effect", NULL);
    const json_t *principal = policy_element(statement, "Principal", "NotPrincipal");
    const json_t *action = policy_element(statement, "Action", "NotAction");
    const json_t *resource = policy_element(statement, "Resource", "NotResource");
    const json_t *conditions = json_object_get(statement, "Condition");
    if (!effect)
        return bad(why, "Missing required field Effect");
    if (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0)
        return bad(why, "Invalid effect: it is Allow or Deny");
    if (!principal)
        return bad(why, "Missing required field Principal");
    if (!action)
        return bad(why, "Missing required field Action");
    if (!resource)
        return bad(why, "Missing required field Resource");
    if (!policy_principal_ok(principal))
        return bad(why, "Invalid principal in policy");
    if (json_object_get(statement, "NotPrincipal") && strcmp(effect, "Allow") == 0)
        return bad(why, "Allow with NotPrincipal is not supported: it would allow everybody else, unsigned "
                        "requests too. Name who may as Principal.");
    if (!policy_is_texts(action) || policy_any(action, not_action, NULL))
        return bad(why, "Policy has invalid action");
    if (!policy_is_texts(resource) || policy_any(resource, not_of_bucket, (void *)arn))
        return bad(why, "Policy has invalid resource");
    int rc = check_applies(statement, arn, why);
    if (rc != 0)
        return rc;
    rc = policy_conditions_check(conditions, why);
    if (rc == IAM_BAD_DOCUMENT)
        return S3_E_POLICY_FORM;
    if (rc != 0)
        return rc;
    if (!policy_keys_ok(conditions, access_key_is))
        return bad(why, "Policy has an invalid condition key");
    return check_conditions_apply(statement, why);
}

int bucket_policy_check(const struct bucket *bucket, const json_t *policy, struct reason *why)
{
    const char *version = json_str(policy, "Version", "2008-10-17");
    CLEANUP(buf_free) struct buf arn = BUF_INIT(128);
    buf_printf(&arn, "arn:aws:s3:::%s", bucket->name);
    if (buf_error(&arn) != 0)
        return FAULT(buf_error(&arn));
    if (!json_is_object(policy))
        return bad(why, "Policies must be valid JSON and the first byte must be '{'");
    if (strcmp(version, "2012-10-17") != 0 && strcmp(version, "2008-10-17") != 0)
        return bad(why, "The policy must contain a valid version string");
    if (!json_is_object(policy_statement(policy, 0)))
        return bad(why, "Missing required field Statement");
    CLEANUP(free_ptr) char *text = json_pack_text(policy);
    if (!text)
        return FAULT(ENOMEM);
    if (strlen(text) > POLICY_MAX_BYTES)
        return bad(why, "Policy exceeds the maximum allowed document size: 20480 bytes");
    const json_t *statement;
    int rc = 0;
    for (size_t i = 0; rc == 0 && (statement = policy_statement(policy, i)); i++)
        rc = json_is_object(statement) ? check_statement(statement, arn.ptr, why)
                                       : bad(why, "Invalid policy syntax.");
    const char *unknown = rc == 0 ? policy_unknown_field(policy) : NULL;
    return unknown ? reason_set(why, S3_E_POLICY_FORM, "Unknown field %.64s", unknown) : rc;
}

/* ---- public */

static bool is_everybody(void *ctx UNUSED, const char *text)
{
    return strchr(text, '*') != NULL;
}

/* A value that stands for one, or few: no wildcard, and no network as wide as 0.0.0.0/1. */
static bool is_wide(void *ctx UNUSED, const char *text)
{
    struct str bits = str_of(text);
    int64_t count = 0;
    (void)str_split(&bits, '/');
    bool network = bits.ptr && str_to_int(bits, 0, 128, &count);
    return strpbrk(text, "*?$") || (network && count < (strchr(text, ':') ? 32 : 8));
}

/* A condition that holds for few callers only makes a statement not public. */
static bool narrows(const json_t *conditions)
{
    static const char *const narrowing[] = {"aws:PrincipalAccount",
                                            "aws:PrincipalArn",
                                            "aws:PrincipalOrgID",
                                            "aws:SourceAccount",
                                            "aws:SourceArn",
                                            "aws:SourceIp",
                                            "aws:SourceVpc",
                                            "aws:SourceVpce",
                                            "aws:userid",
                                            "aws:SourceOwner",
                                            "s3:x-amz-server-side-encryption-aws-kms-key-id"};
    const char *operator, * key;
    json_t *block, *wanted;
    json_object_foreach ((json_t *)conditions, operator, block) {
        bool positive = !strstr(operator, "Not") && !strstr(operator, "IfExists") &&
                        !strstr(operator, "ForAllValues") && strcmp(operator, "Null") != 0;
        json_object_foreach (block, key, wanted)
            for (size_t i = 0; positive && i < ARRAY_LEN(narrowing); i++)
                if (strcasecmp(key, narrowing[i]) == 0 && !policy_any(wanted, is_wide, NULL))
                    return true;
    }
    return false;
}

bool bucket_policy_public(const json_t *policy)
{
    const json_t *statement;
    for (size_t i = 0; (statement = policy_statement(policy, i)); i++) {
        const json_t *principal = json_object_get(statement, "Principal");
        const json_t *named = json_is_object(principal) ? json_object_get(principal, "AWS") : principal;
        bool everybody = policy_any(named, is_everybody, NULL) || json_object_get(statement, "NotPrincipal");
        if (strcmp(json_str(statement, "Effect", ""), "Allow") == 0 && everybody &&
            !narrows(json_object_get(statement, "Condition")))
            return true;
    }
    return false;
}

/* ---- read lately, for each request to such a bucket needs it */

#define READ_SLOTS 64
#define READ_TEXT_MAX 8192 /* longer ones are read each time */

static pthread_mutex_t read_lock = PTHREAD_MUTEX_INITIALIZER;
static struct read_policy { /* the last of those whose buckets' names fall to it */
    char *text;
    json_t *policy;
} read_policies[READ_SLOTS];

static json_t *read_find(const struct read_policy *slot, const char *text)
{
    json_t *policy = NULL;
    pthread_mutex_lock(&read_lock);
    if (slot->text && strcmp(slot->text, text) == 0)
        policy = json_incref(slot->policy);
    pthread_mutex_unlock(&read_lock);
    return policy;
}

static void read_keep(struct read_policy *slot, const char *text, json_t *policy)
{
    struct read_policy kept = {strlen(text) <= READ_TEXT_MAX ? str_dup(str_of(text)) : NULL, NULL};
    if (!kept.text)
        return;
    kept.policy = json_incref(policy);
    pthread_mutex_lock(&read_lock);
    struct read_policy before = *slot;
    *slot = kept;
    pthread_mutex_unlock(&read_lock);
    free(before.text);
    json_decref(before.policy);
}

int bucket_policy_read(const struct bucket *bucket, json_t **ret)
{
    struct read_policy *slot = &read_policies[str_hash(str_of(bucket->name)) % READ_SLOTS];
    json_t *policy = read_find(slot, bucket->policy);
    if (!policy) {
        if (json_unpack_text(str_of(bucket->policy), &policy) != 0)
            return FAULT(EBADMSG);
        read_keep(slot, bucket->policy, policy);
    }
    *ret = policy;
    return 0;
}
