/* Who calls, and sessions of roles. */
#include "services/sts/service.h"
#include "services/iam/iam.h"
#include "services/iam/names.h"
#include "services/service.h"

#define DURATION_DEFAULT_S 3600
#define CHAINED_MAX_S 3600

static const struct field identity_fields[] = {{.name = "UserId"}, {.name = "Account"}, {.name = "Arn"}};
static const struct shape identity_out = SHAPE(identity_fields);

static const struct field assume_fields[] = {
    {.name = "RoleArn", .flags = FIELD_REQUIRED, .min = 20, .max = 2048},
    {.name = "RoleSessionName",
     .flags = FIELD_REQUIRED,
     .min = 2,
     .max = 64,
     .check = iam_session_name_ok,
     .check_says = "[\\w+=,.@-]*"},
    {.name = "DurationSeconds", .type = FIELD_INTEGER, .min = 900, .max = 43200},
    {.name = "Policy", .min = 1, .max = 2048},
    {.name = "PolicyArns", .type = FIELD_ANY},
    {.name = "ExternalId", .min = 2, .max = 1224},
    {.name = "SerialNumber", .min = 9, .max = 256},
    {.name = "TokenCode", .min = 6, .max = 6},
};
static const struct shape assume_in = SHAPE(assume_fields);

static const struct field credentials_fields[] = {
    {.name = "AccessKeyId"},
    {.name = "SecretAccessKey", .flags = FIELD_SECRET},
    {.name = "SessionToken", .flags = FIELD_SECRET},
    {.name = "Expiration", .type = FIELD_TIMESTAMP},
};
static const struct shape credentials = SHAPE(credentials_fields);
static const struct field assumed_fields[] = {{.name = "AssumedRoleId"}, {.name = "Arn"}};
static const struct shape assumed = SHAPE(assumed_fields);
static const struct field assume_out_fields[] = {
    {.name = "Credentials", .type = FIELD_STRUCT, .of = &credentials},
    {.name = "AssumedRoleUser", .type = FIELD_STRUCT, .of = &assumed},
};
static const struct shape assume_out = SHAPE(assume_out_fields);

static int get_caller_identity(struct call *c)
{
    int r = json_put_str(c->out, "UserId", c->caller->user_id);
    if (r == 0)
        r = json_put_str(c->out, "Account", c->caller->account);
    return r == 0 ? json_put_str(c->out, "Arn", c->caller->arn) : r;
}

static int not_authorized(struct call *c, const char *role_arn)
{
    return call_fail(c, IAM_NOT_TRUSTED,
                     "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", c->caller->arn,
                     role_arn);
}

static int check_assume(struct call *c, int64_t duration_s)
{
    if (json_object_get(c->in, "Policy") || json_object_get(c->in, "PolicyArns"))
        return call_fail(
            c, CALL_UNSUPPORTED,
            "AssumeRole with a session policy (Policy, PolicyArns) is not supported by Slipway: it "
            "would not be enforced");
    if (json_object_get(c->in, "SerialNumber") || json_object_get(c->in, "TokenCode"))
        return call_fail(c, IAM_NOT_TRUSTED,
                         "MultiFactorAuthentication failed: Slipway has no MFA devices. Leave out "
                         "SerialNumber (mfa_serial) and TokenCode");
    if (c->caller->session && duration_s > CHAINED_MAX_S)
        return call_fail(
            c, CALL_INVALID,
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining");
    return 0;
}

static int answer_session(struct call *c, const struct session *session)
{
    int r = json_put(c->out, "Credentials",
                     json_pack("{s:s, s:s, s:s, s:I}", "AccessKeyId", session->access_key_id,
                               "SecretAccessKey", session->secret_access_key, "SessionToken",
                               session->session_token, "Expiration", (json_int_t)session->expires_ms));
    if (r != 0)
        return r;
    return json_put(c->out, "AssumedRoleUser",
                    json_pack("{s:s, s:s}", "AssumedRoleId", session->assumed_role_id, "Arn", session->arn));
}

static int assume_role(struct call *c)
{
    const char *role_arn = json_str(c->in, "RoleArn", "");
    char account[IAM_ACCOUNT_SIZE];
    char role[65], person[PERSON_SIZE];
    struct session session;
    const struct session_spec spec = {
        .account = account,
        .role_name = role,
        .session_name = json_str(c->in, "RoleSessionName", ""),
        .duration_s = json_int(c->in, "DurationSeconds", DURATION_DEFAULT_S),
        .person = person,
    };
    const struct role_asking asking = {.caller = c->caller,
                                       .http = c->http,
                                       .external_id = json_str(c->in, "ExternalId", NULL),
                                       .session_name = spec.session_name};
    if (!role_arn_parse(role_arn, account, role))
        return call_fail(c, CALL_INVALID, "%.256s is invalid", role_arn);
    principal_person(c->caller, person);
    int r = check_assume(c, spec.duration_s);
    if (r != 0)
        return r;
    r = role_trusts(c->tx, c->platform, account, role, &asking);
    if (r == IAM_NO_ENTITY || r == IAM_NOT_TRUSTED)
        return not_authorized(c, role_arn);
    if (r == 0)
        r = session_create(c->tx, &spec, &session, &c->reason);
    return r == 0 ? answer_session(c, &session) : r;
}

static const struct operation operations[] = {
    {"GetCallerIdentity", "sts:GetCallerIdentity", OP_INLINE, NULL, &identity_out, get_caller_identity},
    {"AssumeRole", "sts:AssumeRole", OP_READ, &assume_in, &assume_out, assume_role},
};

static const char *const unsupported[] = {
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetFederationToken",
    "GetSessionToken",
    NULL,
};

static const struct service_error errors[] = {
    {IAM_INVALID, "ValidationError", 400, NULL, "A parameter is not valid."},
    {IAM_NOT_TRUSTED, "AccessDenied", 403, NULL, "Access Denied"},
};

const struct service sts_service = {
    .name = "sts",
    .protocols = PROTOCOL_QUERY,
    .api_version = "2011-06-15",
    .xmlns = "https://sts.amazonaws.com/doc/2011-06-15/",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "ValidationError",
};
