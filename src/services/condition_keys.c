/* See condition_keys.h. */
#include "services/condition_keys.h"
#include "base/clock.h"
#include <inttypes.h>
#include <stdio.h>

static size_t one(struct str value, struct str *ret)
{
    *ret = value;
    return value.ptr ? 1 : 0;
}

static size_t one_text(const char *text, struct str *ret)
{
    return one(str_of(text), ret);
}

static size_t source_ip(struct condition_facts *f, struct str *ret)
{
    return f->http ? one(f->http->peer, ret) : 0;
}

/* What a service asks for leaves no machine. */
static size_t secure_transport(struct condition_facts *f, struct str *ret)
{
    bool secure = f->sender || str_starts(str_of(f->platform->endpoint), STR("https:"));
    return one(secure ? STR("true") : STR("false"), ret);
}

/* Of a session it is its role's, whose path is not known here. */
static size_t principal_arn(struct condition_facts *f, struct str *ret)
{
    static const char mark[] = ":assumed-role/";
    const char *role = f->caller && f->caller->session ? strstr(f->caller->arn, mark) : NULL;
    if (!role)
        return f->caller ? one_text(f->caller->arn, ret) : 0;
    struct str name = str_of(role + strlen(mark));
    name = str_split(&name, '/');
    (void)snprintf(f->role, sizeof(f->role), "arn:aws:iam::%s:role/" STR_FMT, f->caller->account,
                   STR_ARG(name));
    return one_text(f->role, ret);
}

/* A key of a user has none; of a session it is known that there was none. */
static size_t multi_factor(struct condition_facts *f, struct str *ret)
{
    return f->caller && f->caller->session ? one(STR("false"), ret) : 0;
}

static size_t principal_account(struct condition_facts *f, struct str *ret)
{
    return f->caller ? one_text(f->caller->account, ret) : 0;
}

static size_t user_id(struct condition_facts *f, struct str *ret)
{
    if (f->sender)
        return 0;
    return one_text(f->caller ? f->caller->user_id : "anonymous", ret);
}

/* Of a user, not of a session. */
static size_t user_name(struct condition_facts *f, struct str *ret)
{
    const char *mark = f->caller ? strstr(f->caller->arn, ":user/") : NULL;
    const char *name = mark ? strrchr(mark, '/') : NULL;
    return name ? one_text(name + 1, ret) : 0;
}

static size_t principal_type(struct condition_facts *f, struct str *ret)
{
    if (f->sender)
        return 0;
    if (!f->caller)
        return one(STR("Anonymous"), ret);
    if (f->caller->session)
        return one(STR("AssumedRole"), ret);
    return one(str_ends(str_of(f->caller->arn), STR(":root")) ? STR("Account") : STR("User"), ret);
}

static size_t current_time(struct condition_facts *f, struct str *ret)
{
    time_iso8601_s(clock_now_ms(), f->time);
    return one_text(f->time, ret);
}

static size_t epoch_time(struct condition_facts *f, struct str *ret)
{
    (void)snprintf(f->epoch, sizeof(f->epoch), "%" PRId64, clock_now_ms() / 1000);
    return one_text(f->epoch, ret);
}

static size_t resource_account(struct condition_facts *f, struct str *ret)
{
    return one_text(f->resource_account, ret);
}

/* All accounts are of one. */
static size_t resource_organization(struct condition_facts *f, struct str *ret)
{
    iam_organization_id(f->platform->shared_account, f->organization);
    return one_text(f->organization, ret);
}

static size_t principal_organization(struct condition_facts *f, struct str *ret)
{
    return f->caller ? resource_organization(f, ret) : 0;
}

static size_t region(struct condition_facts *f, struct str *ret)
{
    return one_text(f->platform->region, ret);
}

static size_t user_agent(struct condition_facts *f, struct str *ret)
{
    return f->http ? one(http_header(f->http, "user-agent"), ret) : 0;
}

static size_t referer(struct condition_facts *f, struct str *ret)
{
    return f->http ? one(http_header(f->http, "referer"), ret) : 0;
}

/* ---- of a service on behalf of what is somebody's */

static size_t is_service(struct condition_facts *f, struct str *ret)
{
    return one(f->sender ? STR("true") : STR("false"), ret);
}

static size_t service_name(struct condition_facts *f, struct str *ret)
{
    return f->sender ? one_text(f->sender->service, ret) : 0;
}

static size_t source_account(struct condition_facts *f, struct str *ret)
{
    return f->sender ? one_text(f->sender->account, ret) : 0;
}

static size_t source_arn(struct condition_facts *f, struct str *ret)
{
    return f->sender ? one_text(f->sender->arn, ret) : 0;
}

static size_t source_organization(struct condition_facts *f, struct str *ret)
{
    return f->sender ? resource_organization(f, ret) : 0;
}

/* Services of this house ask for nothing over the wire. */
static size_t no(struct condition_facts *f UNUSED, struct str *ret)
{
    return one(STR("false"), ret);
}

static const struct {
    const char *name;
    size_t (*get)(struct condition_facts *f, struct str *ret);
} keys[] = {
    {"aws:CurrentTime", current_time},
    {"aws:EpochTime", epoch_time},
    {"aws:MultiFactorAuthPresent", multi_factor},
    {"aws:PrincipalAccount", principal_account},
    {"aws:PrincipalArn", principal_arn},
    {"aws:PrincipalIsAWSService", is_service},
    {"aws:PrincipalOrgID", principal_organization},
    {"aws:PrincipalServiceName", service_name},
    {"aws:PrincipalType", principal_type},
    {"aws:Referer", referer},
    {"aws:RequestedRegion", region},
    {"aws:ResourceAccount", resource_account},
    {"aws:ResourceOrgID", resource_organization},
    {"aws:SecureTransport", secure_transport},
    {"aws:SourceAccount", source_account},
    {"aws:SourceArn", source_arn},
    {"aws:SourceIp", source_ip},
    {"aws:SourceOrgID", source_organization},
    {"aws:UserAgent", user_agent},
    {"aws:userid", user_id},
    {"aws:username", user_name},
    {"aws:ViaAWSService", no},
};

size_t condition_key(struct condition_facts *facts, const char *key, struct str ret[POLICY_VALUES_MAX])
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcasecmp(keys[i].name, key) == 0)
            return keys[i].get(facts, ret);
    return 0;
}
