/* Rules that the engine answers itself: whether a window is open, and what a variable's value is.
 * Source: CodePipeline user guide, "Rule reference": DeploymentWindow, VariableCheck. */
#include "services/codepipeline/engine/engine.h"
#include "services/codepipeline/engine/rule.h"
#include "wire/cron.h"
#include "wire/json.h"
#include "wire/pattern.h"
#include "wire/time.h"

/* ---- deployment windows */

int window_read(const json_t *configuration, struct cron *ret_cron, struct zone *ret_zone, struct reason *why)
{
    const char *zone = json_str(configuration, "TimeZone", "UTC");
    int r = cron_parse(str_of(json_str(configuration, "Cron", "")), ret_cron, why);

    if (r == 0 && !zone_find(zone, ret_zone))
        return reason_set(why, RULE_E_INVALID,
                          "'%s' is no time zone: write a name as Europe/Berlin, UTC, or UTC+02:00.", zone);
    return r ? RULE_E_INVALID : 0;
}

static int window_wait(struct flow *flow, struct execution *execution, struct run *run, int64_t opens_ms)
{
    int64_t limit_ms = run->started_ms + run->action->timeout_ms;
    int r = json_put_int(run->detail, "opensMs", opens_ms);

    run->deadline_ms = opens_ms < limit_ms ? opens_ms : limit_ms;
    run_touch(flow, execution, run);
    return r ? r : effect_timer(flow, run);
}

/* Open: it succeeds. Closed: it waits; who would rather skip the stage is told at once. */
static int window_look(struct flow *flow, struct execution *execution, struct run *run)
{
    const struct plan_stage *stage = &execution->plan->stages[execution->stage];
    const json_t *configuration = json_object_get(run->detail, "resolvedConfiguration");
    bool over = flow->now_ms >= run->started_ms + run->action->timeout_ms;
    char opens[TIME_TEXT_SIZE] = "never";
    struct reason why = {0};
    struct cron cron;
    struct zone zone;
    int64_t opens_ms;

    if (window_read(configuration, &cron, &zone, &why))
        return action_fail(flow, execution, run, "ConfigurationError", why.text);
    opens_ms = cron_next(&cron, &zone, flow->now_ms);
    if (opens_ms <= flow->now_ms)
        return action_succeed(flow, execution, run, NULL);
    if (opens_ms != INT64_MAX && !over && stage->results[run->action->phase] != RESULT_SKIP)
        return window_wait(flow, execution, run, opens_ms);
    if (opens_ms != INT64_MAX)
        time_iso8601_s(opens_ms, opens);
    reason_set(&why, 0, "The deployment window %s (%s) is closed; it opens next: %s.",
               json_str(configuration, "Cron", ""), json_str(configuration, "TimeZone", "UTC"), opens);
    return action_fail(flow, execution, run, "WindowClosed", why.text);
}

/* ---- variables */

static int equals(struct str value, struct str wanted, struct reason *why UNUSED)
{
    return !str_eq(value, wanted);
}

static int differs(struct str value, struct str wanted, struct reason *why UNUSED)
{
    return str_eq(value, wanted);
}

static int contains(struct str value, struct str wanted, struct reason *why UNUSED)
{
    return wanted.len > 0 && !memmem(value.ptr, value.len, wanted.ptr, wanted.len);
}

static int matches(struct str value, struct str wanted, struct reason *why)
{
    return pattern_match(wanted, value, why);
}

/* 0: it holds; positive: it does not, or cannot be told, with words. */
static const struct {
    const char *name;
    const char *says;
    int (*holds)(struct str value, struct str wanted, struct reason *why);
} operators[] = {
    {"EQ", "is not equal to", equals},
    {"NE", "is equal to", differs},
    {"CONTAINS", "does not contain", contains},
    {"MATCHES", "does not match", matches},
};

bool operator_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (strcmp(operators[i].name, name) == 0)
            return true;
    return false;
}

static int variable_look(struct flow *flow, struct execution *execution, struct run *run)
{
    const json_t *configuration = json_object_get(run->detail, "resolvedConfiguration");
    const char *name = json_str(configuration, "Operator", ""),
               *value = json_str(configuration, "Variable", "");
    const char *wanted = json_str(configuration, "Value", "");
    struct reason why = {0};
    size_t i = 0;
    int r;

    while (i < ARRAY_LEN(operators) && strcmp(operators[i].name, name) != 0)
        i++;
    if (i == ARRAY_LEN(operators)) {
        reason_set(&why, 0, "The operator '%s' is not one of EQ, NE, CONTAINS, MATCHES.", name);
        return action_fail(flow, execution, run, "ConfigurationError", why.text);
    }
    r = operators[i].holds(str_of(value), str_of(wanted), &why);
    if (r < 0)
        return r;
    if (r == 0)
        return action_succeed(flow, execution, run, NULL);
    if (!why.text[0])
        reason_set(&why, 0, "%s is '%s', which %s '%s'.",
                   json_str(run->action->configuration, "Variable", "The variable"), value, operators[i].says,
                   wanted);
    return action_fail(flow, execution, run, "VariableCheckFailed", why.text);
}

static int (*const looks[])(struct flow *, struct execution *, struct run *) = {
    [CHECK_WINDOW] = window_look,
    [CHECK_VARIABLE] = variable_look,
};

int rule_look(struct flow *flow, struct execution *execution, struct run *run)
{
    assert(run->action->check != CHECK_NONE);
    return looks[run->action->check](flow, execution, run);
}
