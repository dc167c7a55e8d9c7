/* What a person decides: approvals asked, given, rejected, run out. */
#include "services/codepipeline/engine/approval.h"
#include "services/codepipeline/engine/engine.h"
#include "wire/json.h"

/* ---- asking */

static bool makes_change_set(const struct run *run)
{
    const char *mode = json_str(json_object_get(run->detail, "resolvedConfiguration"), "ActionMode", "");

    return run->status == ACTION_SUCCEEDED && strcmp(mode, "CHANGE_SET_REPLACE") == 0;
}

/* The change sets that its stage has made. */
static int changes_list(const struct execution *execution, json_t *list)
{
    for (size_t i = 0; i < execution->run_count; i++) {
        struct run *run = execution->runs[i];

        if (run && run_unpack(run))
            return FAULT(EBADMSG);
        if (run && makes_change_set(run) &&
            json_array_append_new(list,
                                  json_pack("{s:s, s:s, s:s}", "actionName", run->action->name, "changeSet",
                                            json_str(run->detail, "externalExecutionId", ""), "summary",
                                            json_str(run->detail, "summary", ""))))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int artifacts_list(const struct execution *execution, json_t *list)
{
    const json_t *revision;
    size_t i;

    json_array_foreach (json_object_get(execution->data, "revisions"), i, revision)
        if (json_array_append_new(
                list, json_pack("{s:s, s:s, s:s*, s:s*, s:s*}", "name", json_str(revision, "name", ""),
                                "revisionId", json_str(revision, "revisionId", ""), "revisionSummary",
                                json_str(revision, "revisionSummary", NULL), "sha256",
                                json_str(revision, "sha256", NULL), "putBy", json_str(revision, "by", NULL))))
            return FAULT(ENOMEM);
    return 0;
}

int approval_ask(struct flow *flow, struct execution *execution, struct run *run)
{
    const json_t *configuration = json_object_get(run->detail, "resolvedConfiguration");
    json_t *artifacts = json_array(), *changes = json_array(), *answers = json_array();
    json_t *approval =
        json_pack("{s:o, s:o, s:o}", "artifacts", artifacts, "changes", changes, "given", answers);
    struct approval_rule rule;
    struct reason why = {0};
    int r = json_put(run->detail, "approval", approval);

    if (r == 0)
        r = artifacts_list(execution, artifacts);
    if (r == 0)
        r = changes_list(execution, changes);
    if (r)
        return r;
    if (approval_read(configuration, &rule, &why))
        return action_fail(flow, execution, run, "ConfigurationError", why.text);
    if (!approval_enough(&rule, answers, &why))
        r = json_put_str(approval, "missing", why.text);
    flow->make_id(flow->make_id_context, false, run->token);
    if (r == 0 && json_object_get(configuration, "NotificationArn"))
        r = effect_notify(flow, execution, run);
    return r ? r : effect_timer(flow, run);
}

/* ---- answering */

static bool is_person(const struct approval_rule *rule, const char *arn, const char *person, const char *whom)
{
    char other[PERSON_SIZE];

    approval_person(rule, arn, person, other);
    return strcmp(other, whom) == 0;
}

static bool is_own(const struct approval_rule *rule, const struct execution *execution, const char *person)
{
    const json_t *trigger = json_object_get(execution->data, "trigger"), *revision;
    size_t i;

    if (is_person(rule, json_str(trigger, "detail", ""), json_str(trigger, "person", NULL), person))
        return true;
    json_array_foreach (json_object_get(execution->data, "revisions"), i, revision)
        if (is_person(rule, json_str(revision, "by", ""), json_str(revision, "person", NULL), person))
            return true;
    return false;
}

/* As whom the person has answered; NULL: not yet. */
static const char *has_answered(const struct approval_rule *rule, const json_t *answers, const char *person)
{
    const json_t *answer;
    size_t i;

    json_array_foreach (answers, i, answer)
        if (is_person(rule, json_str(answer, "who", ""), json_str(answer, "person", NULL), person))
            return json_str(answer, "who", "");
    return NULL;
}

static int answer_check(const struct execution *execution, const struct run *run,
                        const struct approval_rule *rule, const struct flow_event *event, struct reason *why)
{
    const json_t *approval = json_object_get(run->detail, "approval");
    char person[PERSON_SIZE];
    const char *before;

    approval_person(rule, event->who, event->person, person);
    if (!approval_listed(rule, event->who))
        return reason_set(why, PIPELINE_E_DENIED,
                          "%s is not among the approvers of action %s: it waits for %s.", event->who,
                          run->action->name, json_str(approval, "missing", "others"));
    if (event->yes && rule->forbids_self && is_own(rule, execution, person))
        return reason_set(
            why, PIPELINE_E_DENIED,
            "%s started this execution or put its artifact: somebody else has to approve action %s.",
            event->who, run->action->name);
    before = event->yes ? has_answered(rule, json_object_get(approval, "given"), person) : NULL;
    if (before)
        return reason_set(
            why, PIPELINE_E_APPROVAL_COMPLETED, "%s has approved action %s already%s%s: it waits for %s.",
            event->who, run->action->name, strcmp(before, event->who) == 0 ? "" : ", as ",
            strcmp(before, event->who) == 0 ? "" : before, json_str(approval, "missing", "others"));
    return 0;
}

static int answer_keep(struct flow *flow, struct execution *execution, struct run *run,
                       const struct flow_event *event)
{
    int r = json_put_str(run->detail, "lastUpdatedBy", event->who);

    /* asked by 0.1.0, which took one answer */
    if (r == 0 && !json_object_get(run->detail, "approval"))
        r = json_put(run->detail, "approval", json_pack("{s:[]}", "given"));
    if (r == 0)
        r = json_put_str(run->detail, "summary", event->why);
    if (r == 0)
        r = json_put_int(run->detail, "approvedMs", flow->now_ms);
    run_touch(flow, execution, run);
    return r;
}

static int approval_give(struct flow *flow, struct execution *execution, struct run *run,
                         const struct approval_rule *rule, const struct flow_event *event)
{
    json_t *approval = json_object_get(run->detail, "approval"), *given = json_object_get(approval, "given");
    struct reason missing = {0};

    if (json_array_append_new(given,
                              json_pack("{s:s, s:s*, s:s, s:I}", "who", event->who, "person", event->person,
                                        "summary", event->why, "at", (json_int_t)flow->now_ms)))
        return FAULT(ENOMEM);
    if (!approval_enough(rule, given, &missing))
        return json_put_str(approval, "missing", missing.text);
    json_object_del(approval, "missing");
    return action_succeed(flow, execution, run, NULL);
}

int approval_answer(struct flow *flow, struct execution *execution, struct run *run,
                    const struct flow_event *event, struct reason *why)
{
    const json_t *configuration = json_object_get(run->detail, "resolvedConfiguration");
    struct approval_rule rule;
    struct reason said = {0};
    int r = approval_read(configuration, &rule, &said);

    if (r > 0)
        return FAULT(EBADMSG);
    r = r ? r : answer_check(execution, run, &rule, event, why);
    if (r == 0)
        r = answer_keep(flow, execution, run, event);
    if (r == 0)
        r = effect_record(flow, execution, run, event->yes ? "approved" : "rejected", event->who, event->why);
    if (r)
        return r;
    if (event->yes)
        return approval_give(flow, execution, run, &rule, event);
    reason_set(&said, 0, "Rejected by %s%s%s", event->who, event->why && event->why[0] ? ": " : "",
               event->why ? event->why : "");
    return action_fail(flow, execution, run, "ApprovalRejected", said.text);
}

/* ---- nobody answers */

bool stage_has_expired(const struct execution *execution, struct reason *ret)
{
    const struct plan_stage *stage = &execution->plan->stages[execution->stage];
    bool expired = false;

    for (size_t i = 0; i < stage->count; i++) {
        const struct run *run = execution->runs[i];
        const json_t *error = run ? json_object_get(run->detail, "error") : NULL;

        if (run && run->status == ACTION_FAILED)
            return false;
        if (!run || run->status != ACTION_ABANDONED ||
            strcmp(json_str(error, "code", ""), APPROVAL_EXPIRED) != 0)
            continue;
        expired = true;
        reason_set(ret, 0, "Nobody answered in time in stage %s: %s", stage->name,
                   json_str(error, "message", ""));
    }
    return expired;
}
