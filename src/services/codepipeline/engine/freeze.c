/* Which freeze holds what. */
#include "services/codepipeline/engine/freeze.h"
#include "services/iam/names.h"
#include "wire/json.h"
#include "wire/recurrence.h"
#include <stdio.h>

#define MINUTE_MS ((int64_t)60 * 1000)

void freeze_free(struct freeze *freeze)
{
    json_free(&freeze->spec);
    free(freeze->by);
    free(freeze);
}

static int recurrence_read(const json_t *json, struct recurrence *ret, struct reason *why)
{
    return recurrence_parse(json_str(json, "rule", ""), json_str(json, "start", ""),
                            json_int(json, "durationMinutes", 0) * MINUTE_MS,
                            json_str(json, "timeZone", "UTC"), ret, why);
}

int freeze_check(const json_t *spec, struct reason *why)
{
    const json_t *again = json_object_get(spec, "recurrence");
    int64_t starts_ms = json_int(spec, "startsAt", 0), ends_ms = json_int(spec, "endsAt", INT64_MAX);
    struct recurrence recurrence;

    if (starts_ms >= ends_ms)
        return reason_set(why, PIPELINE_E_INVALID, "The freeze would end before it starts.");
    return again && recurrence_read(again, &recurrence, why) ? PIPELINE_E_INVALID : 0;
}

int64_t freeze_until(const json_t *spec, int64_t now_ms)
{
    const json_t *again = json_object_get(spec, "recurrence");
    int64_t ends_ms = json_int(spec, "endsAt", INT64_MAX), until_ms;
    struct recurrence recurrence;

    if (now_ms < json_int(spec, "startsAt", 0) || now_ms >= ends_ms)
        return 0;
    if (!again)
        return ends_ms;
    if (recurrence_read(again, &recurrence, NULL))
        return 0; /* it was checked when it was put */
    until_ms = recurrence_until(&recurrence, now_ms);
    return until_ms < ends_ms ? until_ms : ends_ms;
}

/* ---- what it names */

static bool listed(const json_t *patterns, const char *text)
{
    const json_t *pattern;
    size_t i;

    json_array_foreach (patterns, i, pattern)
        if (text && str_glob(str_of(json_string_value(pattern)), str_of(text)))
            return true;
    return false;
}

/* ACCOUNT/APP/BRANCH of an S3 source's well-known key. */
static bool application_listed(const json_t *patterns, const struct plan *plan)
{
    const struct plan_stage *first = &plan->stages[0];

    for (size_t i = 0; i < first->count; i++) {
        struct str key = str_of(json_str(first->actions[i].configuration, "S3ObjectKey", ""));
        const char *slash = key.len ? memrchr(key.ptr, '/', key.len) : NULL;
        char application[1100];

        if (!slash)
            continue;
        snprintf(application, sizeof(application), "%.*s", (int)(slash - key.ptr), key.ptr);
        if (listed(patterns, application))
            return true;
    }
    return false;
}

static bool environment_listed(const json_t *patterns, const struct plan_stage *stage)
{
    char account[IAM_ACCOUNT_SIZE], role[65];

    if (listed(patterns, stage->name))
        return true;
    for (size_t i = 0; i < stage->count; i++)
        if (stage->actions[i].role_arn && role_arn_parse(stage->actions[i].role_arn, account, role) &&
            listed(patterns, account))
            return true;
    return false;
}

static bool names(const json_t *spec, const struct plan *plan, size_t stage)
{
    const json_t *pipelines = json_object_get(spec, "pipelines");
    const json_t *applications = json_object_get(spec, "applications");
    const json_t *environments = json_object_get(spec, "environments");

    return (!pipelines || listed(pipelines, plan->name)) &&
           (!applications || application_listed(applications, plan)) &&
           (!environments || environment_listed(environments, &plan->stages[stage]));
}

static bool lets_through(const json_t *spec, const struct plan *plan, const struct execution *execution)
{
    const json_t *allow = json_object_get(spec, "allow"), *revision;
    size_t i;

    if (!allow)
        return false;
    if (listed(allow, plan->name) || (execution && listed(allow, execution->id)))
        return true;
    json_array_foreach (execution ? json_object_get(execution->data, "revisions") : NULL, i, revision)
        if (listed(allow, json_str(revision, "revisionId", NULL)) ||
            listed(allow, json_str(revision, "sha256", NULL)))
            return true;
    json_array_foreach (execution ? json_object_get(execution->data, "sourceRevisions") : NULL, i, revision)
        if (listed(allow, json_str(revision, "revisionValue", NULL)))
            return true;
    return false;
}

const struct freeze *freeze_find(const struct flow *flow, const struct plan *plan, size_t stage,
                                 const struct execution *execution, int64_t *ret_until_ms)
{
    for (size_t i = 0; i < flow->freeze_count; i++) {
        const json_t *spec = flow->freezes[i]->spec;
        int64_t until_ms;

        if (!names(spec, plan, stage) || lets_through(spec, plan, execution))
            continue;
        until_ms = freeze_until(spec, flow->now_ms);
        if (until_ms) {
            *ret_until_ms = until_ms;
            return flow->freezes[i];
        }
    }
    return NULL;
}
