/* See facts.h. */
#include "services/iam/facts.h"
#include "base/clock.h"
#include "services/service.h"
#include "wire/time.h"
#include <inttypes.h>
#include <stdio.h>

static const struct str none;

/* Services of this house ask for nothing over the wire. */
static struct str no(struct request_facts *f UNUSED)
{
    return STR("false");
}

static struct str source_ip(struct request_facts *f)
{
    return f->http ? f->http->peer : none;
}

static struct str secure_transport(struct request_facts *f)
{
    return str_starts(str_of(f->platform->endpoint), STR("https:")) ? STR("true") : STR("false");
}

static struct str principal_arn(struct request_facts *f)
{
    return f->caller ? str_of(f->caller->arn) : none;
}

static struct str principal_account(struct request_facts *f)
{
    return f->caller ? str_of(f->caller->account) : none;
}

static struct str user_id(struct request_facts *f)
{
    return f->caller ? str_of(f->caller->user_id) : STR("anonymous");
}

/* Of a user, not of a session. */
static struct str user_name(struct request_facts *f)
{
    const char *mark = f->caller ? strstr(f->caller->arn, ":user/") : NULL;
    const char *name = mark ? strrchr(mark, '/') : NULL;
    return name ? str_of(name + 1) : none;
}

static struct str principal_type(struct request_facts *f)
{
    if (!f->caller)
        return STR("Anonymous");
    if (f->caller->session)
        return STR("AssumedRole");
    return str_ends(str_of(f->caller->arn), STR(":root")) ? STR("Account") : STR("User");
}

static struct str current_time(struct request_facts *f)
{
    time_iso8601_s(clock_now_ms(), f->text);
    return str_of(f->text);
}

static struct str epoch_time(struct request_facts *f)
{
    (void)snprintf(f->text, sizeof(f->text), "%" PRId64, clock_now_ms() / 1000);
    return str_of(f->text);
}

static struct str resource_account(struct request_facts *f)
{
    return str_of(f->resource_account);
}

/* All accounts are of one. */
static struct str resource_organization(struct request_facts *f)
{
    iam_organization_id(f->platform->shared_account, f->organization);
    return str_of(f->organization);
}

static struct str principal_organization(struct request_facts *f)
{
    return f->caller ? resource_organization(f) : none;
}

static struct str region(struct request_facts *f)
{
    return str_of(f->platform->region);
}

static struct str user_agent(struct request_facts *f)
{
    return f->http ? http_header(f->http, "user-agent") : none;
}

static struct str referer(struct request_facts *f)
{
    return f->http ? http_header(f->http, "referer") : none;
}

static const struct {
    const char *name;
    struct str (*get)(struct request_facts *f);
} keys[] = {
    {"aws:CurrentTime", current_time},
    {"aws:EpochTime", epoch_time},
    {"aws:PrincipalAccount", principal_account},
    {"aws:PrincipalArn", principal_arn},
    {"aws:PrincipalIsAWSService", no},
    {"aws:PrincipalOrgID", principal_organization},
    {"aws:PrincipalType", principal_type},
    {"aws:Referer", referer},
    {"aws:RequestedRegion", region},
    {"aws:ResourceAccount", resource_account},
    {"aws:ResourceOrgID", resource_organization},
    {"aws:SecureTransport", secure_transport},
    {"aws:SourceIp", source_ip},
    {"aws:UserAgent", user_agent},
    {"aws:userid", user_id},
    {"aws:username", user_name},
    {"aws:ViaAWSService", no},
};

size_t request_fact(struct request_facts *facts, const char *key, struct str ret[POLICY_VALUES_MAX])
{
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (strcasecmp(key, keys[i].name) == 0) {
            ret[0] = keys[i].get(facts);
            return ret[0].ptr ? 1 : 0;
        }
    return 0;
}
