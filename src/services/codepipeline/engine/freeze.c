/* Which freeze holds what. */
#include "services/codepipeline/engine/freeze.h"
#include "services/codepipeline/engine/source.h"
#include "services/iam/names.h"
#include "wire/json.h"
#include "wire/recurrence.h"
#include <ctype.h>
#include <stdio.h>

#define PATTERN_MAX 4400 /* 1,100 characters of UTF-8 */
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

int64_t freeze_from(const json_t *spec, int64_t now_ms)
{
    const json_t *again = json_object_get(spec, "recurrence");
    int64_t starts_ms = json_int(spec, "startsAt", 0), ends_ms = json_int(spec, "endsAt", INT64_MAX), next_ms;
    int64_t at_ms = now_ms > starts_ms ? now_ms : starts_ms;
    struct recurrence recurrence;

    if (!again)
        return now_ms < starts_ms ? starts_ms : 0;
    if (recurrence_read(again, &recurrence, NULL))
        return 0;
    if (now_ms < starts_ms && recurrence_until(&recurrence, starts_ms))
        return starts_ms;
    next_ms = recurrence_next(&recurrence, at_ms);
    return next_ms < ends_ms ? next_ms : 0;
}

/* ---- what it names */

const char *const freeze_lists[FREEZE_LISTS] = {"pipelines", "applications", "environments"};

static bool listed(const json_t *patterns, const char *text)
{
    const json_t *pattern;
    size_t i;

    json_array_foreach (patterns, i, pattern)
        if (text && str_glob(str_of(json_string_value(pattern)), str_of(text)))
            return true;
    return false;
}

static void lower(struct str text, char *ret, size_t size)
{
    size_t i = 0;

    for (; i < text.len && i + 1 < size; i++)
        ret[i] = (char)tolower((unsigned char)text.ptr[i]);
    ret[i] = '\0';
}

/* In any case of letters: the catalog's prod is the template's Prod, and a freeze of either must hold. */
static bool stage_matches(const char *pattern, const char *stage)
{
    char wanted[PATTERN_MAX + 1], name[PIPELINE_NAME_MAX + 1];

    lower(str_of(pattern), wanted, sizeof(wanted));
    lower(str_of(stage), name, sizeof(name));
    return str_glob(str_of(wanted), str_of(name));
}

static bool stage_listed(const json_t *patterns, const char *stage)
{
    const json_t *pattern;
    size_t i;

    json_array_foreach (patterns, i, pattern)
        if (stage_matches(json_string_value(pattern), stage))
            return true;
    return false;
}

/* An S3 source's key; what the execution was started with goes before what is configured. */
static struct str key_of(const struct plan_action *action, const struct execution *execution)
{
    const json_t *overrides = execution ? json_object_get(execution->data, "sourceRevisions") : NULL;
    const json_t *key = source_override(overrides, action->name, SOURCE_KEY);

    return str_of(key ? json_str(key, "revisionValue", "")
                      : json_str(action->configuration, "S3ObjectKey", ""));
}

#define APPLICATION_SIZE 1100

/* ACCOUNT/APP/BRANCH of an S3 source's well-known key; false: it has none. */
static bool application_of(const struct plan_action *action, const struct execution *execution,
                           char ret[APPLICATION_SIZE])
{
    struct str key = key_of(action, execution);
    const char *slash = key.len ? memrchr(key.ptr, '/', key.len) : NULL;

    if (slash)
        snprintf(ret, APPLICATION_SIZE, "%.*s", (int)(slash - key.ptr), key.ptr);
    return slash != NULL;
}

static bool application_listed(const json_t *patterns, const struct plan *plan,
                               const struct execution *execution)
{
    const struct plan_stage *first = &plan->stages[0];
    char application[APPLICATION_SIZE];

    for (size_t i = 0; i < first->count; i++)
        if (application_of(&first->actions[i], execution, application) && listed(patterns, application))
            return true;
    return false;
}

/* Without a role it acts in the pipeline's own account; an approval acts nowhere. */
static bool account_of(const char *own, const struct plan_action *action, char ret[IAM_ACCOUNT_SIZE])
{
    char role[65];

    if (action->role_arn)
        return role_arn_parse(action->role_arn, ret, role);
    str_copy(ret, IAM_ACCOUNT_SIZE, own);
    return !action->approval;
}

static bool environment_listed(const json_t *patterns, const char *own, const struct plan_stage *stage)
{
    char account[IAM_ACCOUNT_SIZE];

    if (stage_listed(patterns, stage->name))
        return true;
    for (size_t i = 0; i < stage->count; i++)
        if (account_of(own, &stage->actions[i], account) && listed(patterns, account))
            return true;
    return false;
}

bool freeze_names(const json_t *spec, const char *own, const struct plan *plan, size_t stage,
                  const struct execution *execution)
{
    const json_t *pipelines = json_object_get(spec, freeze_lists[FREEZE_PIPELINES]);
    const json_t *applications = json_object_get(spec, freeze_lists[FREEZE_APPLICATIONS]);
    const json_t *environments = json_object_get(spec, freeze_lists[FREEZE_ENVIRONMENTS]);

    return (!pipelines || listed(pipelines, plan->name)) &&
           (!applications || application_listed(applications, plan, execution)) &&
           (!environments || environment_listed(environments, own, &plan->stages[stage]));
}

/* ---- what there is that it could name */

bool freeze_pattern_names(enum freeze_list list, const char *pattern, const char *name)
{
    return list == FREEZE_ENVIRONMENTS ? stage_matches(pattern, name)
                                       : str_glob(str_of(pattern), str_of(name));
}

static int known(json_t *names, const char *name)
{
    return json_object_set_new(names, name, json_null()) ? FAULT(ENOMEM) : 0;
}

static int stage_names_add(const struct plan_stage *stage, const char *own, json_t *names)
{
    char account[IAM_ACCOUNT_SIZE];
    int r = known(names, stage->name);

    for (size_t i = 0; r == 0 && i < stage->count; i++)
        if (account_of(own, &stage->actions[i], account))
            r = known(names, account);
    return r;
}

int freeze_names_add(const struct plan *plan, const char *own, json_t *const names[FREEZE_LISTS])
{
    const struct plan_stage *first = &plan->stages[0];
    char application[APPLICATION_SIZE];
    int r = known(names[FREEZE_PIPELINES], plan->name);

    for (size_t i = 0; r == 0 && i < first->count; i++)
        if (application_of(&first->actions[i], NULL, application))
            r = known(names[FREEZE_APPLICATIONS], application);
    for (size_t i = 0; r == 0 && i < plan->stage_count; i++)
        r = stage_names_add(&plan->stages[i], own, names[FREEZE_ENVIRONMENTS]);
    return r;
}

/* ---- what it holds */

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

        if (!freeze_names(spec, flow->account, plan, stage, execution) || lets_through(spec, plan, execution))
            continue;
        until_ms = freeze_until(spec, flow->now_ms);
        if (until_ms) {
            *ret_until_ms = until_ms;
            return flow->freezes[i];
        }
    }
    return NULL;
}

static bool acts(const struct execution *execution)
{
    for (size_t i = 0; i < execution->run_count; i++)
        if (execution->runs[i] && execution->runs[i]->status == ACTION_IN_PROGRESS)
            return true;
    return false;
}

const struct freeze *freeze_holding(const struct flow *flow, const struct execution *execution,
                                    int64_t *ret_until_ms)
{
    if (execution->rollback || execution->place == PLACE_ENDED || acts(execution))
        return NULL;
    return freeze_find(flow, execution->plan, execution->stage, execution, ret_until_ms);
}
