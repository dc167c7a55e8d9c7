/* Deploy/CloudFormation: every ActionMode. A change set carries, as its description, the action execution
 * that made it: whoever runs the same job again finds it and goes on. Source: CodePipeline User Guide, "AWS
 * CloudFormation deploy action reference". */
#include "base/io.h"
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/zip.h"
#include <stdio.h>
#include <unistd.h>

#define SERVICE "cloudformation"
#define WAIT_MS 10000

static const char *setting_or_empty(const struct job *job, const char *name)
{
    const char *value = job_setting(job, name);

    return value ? value : "";
}

/* ---- results ----------------------------------------------------------------------------------------------
 */

static int outputs_report(struct job *job, const json_t *stack)
{
    const json_t *outputs = work_list(stack, "Outputs");
    CLEANUP(json_free) json_t *map = json_object();
    CLEANUP(free_ptr) char *text = NULL;
    CLEANUP(close_fd) int fd = -1;
    const char *file = job_setting(job, "OutputFileName");
    const json_t *output;
    size_t i;
    int r;

    json_array_foreach (outputs, i, output) {
        const char *key = json_str(output, "OutputKey", ""), *value = json_str(output, "OutputValue", "");

        r = job_variable(job, key, value);
        if (r || json_put_str(map, key, value))
            return FAULT(ENOMEM);
    }
    if (!file)
        return 0;
    text = json_text(map);
    r = text ? work_temporary(job->anchor, &fd) : FAULT(ENOMEM);
    if (r == 0)
        r = zip_create_one(fd, file, str_of(text), &job->why);
    return r ? (r < 0 ? r : WORK_E_FAILED) : job_output_put(job, NULL, fd);
}

static int id_report(struct job *job, const json_t *stack)
{
    free(job->external_id);
    job->external_id = str_dup(str_of(json_str(stack, "StackId", "")));
    return job->external_id ? job_variable(job, "StackName", json_str(stack, "StackName", ""))
                            : FAULT(ENOMEM);
}

static int stack_failed(struct job *job, const char *name, const json_t *stack)
{
    struct reason cause = {0};
    int r = stack_explain(job->client, name, &cause);

    if (r)
        return r;
    return job_fail(job, "JobFailed", "stack %s is %s: %s", name, stack_status(stack), cause.text);
}

/* Waits for the stack's operation and tells how it ended. */
static int stack_await(struct job *job, const char *name)
{
    const struct stack_patience patience = job_patience(job);
    CLEANUP(json_free) json_t *stack = NULL;
    int r = stack_settle(job->client, name, &patience, &stack, &job->why);

    if (r == WORK_E_ABSENT)
        return job_fail(job, "JobFailed", "stack %s is gone: its creation failed, or somebody deleted it",
                        name);
    if (r == 0)
        r = id_report(job, stack);
    if (r)
        return r;
    if (stack_state(stack_status(stack)) != STACK_GOOD)
        return stack_failed(job, name, stack);
    buf_printf(&job->summary, "stack %s is %s", name, stack_status(stack));
    return outputs_report(job, stack);
}

/* ---- change sets ------------------------------------------------------------------------------------------
 */

static int change_set_look(struct job *job, int64_t wait_ms, json_t **ret)
{
    struct aws_error error = {0};
    int r = work_call_wait(job->client, SERVICE, "DescribeChangeSet",
                           json_pack("{s:s, s:s}", "StackName", setting_or_empty(job, "StackName"),
                                     "ChangeSetName", setting_or_empty(job, "ChangeSetName")),
                           wait_ms, ret, &error, &job->why);

    if (r == WORK_E_FAILED && (strstr(error.code, "NotFound") || strstr(error.message, "does not exist")))
        return WORK_E_ABSENT;
    return r;
}

static bool is_mine(const struct job *job, const json_t *change_set)
{
    return strcmp(json_str(change_set, "Description", ""), job_action_execution(job)) == 0;
}

/* By this action execution: an answer was lost, or who had the job before came to life just now. */
static bool made_before(struct job *job)
{
    CLEANUP(json_free) json_t *there = NULL;
    const struct reason refused = job->why;
    bool mine = change_set_look(job, 0, &there) == 0 && is_mine(job, there);

    job->why = refused;
    return mine;
}

static int change_set_create(struct job *job, const char *type)
{
    CLEANUP(deployment_deinit) struct deployment deployment = {0};
    const char *role_arn = job_setting(job, "RoleArn");
    json_t *in;
    int r = deployment_read(job, &deployment);

    if (r)
        return r;
    in =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:O, s:O, s:O}", "StackName", setting_or_empty(job, "StackName"),
                  "ChangeSetName", setting_or_empty(job, "ChangeSetName"), "ChangeSetType", type,
                  "Description", job_action_execution(job), "TemplateBody", deployment.template, "Parameters",
                  deployment.parameters, "Tags", deployment.tags, "Capabilities", deployment.capabilities);
    if (!in || (role_arn && json_put_str(in, "RoleARN", role_arn))) {
        json_decref(in);
        return FAULT(ENOMEM);
    }
    r = work_call(job->client, SERVICE, "CreateChangeSet", in, NULL, NULL, &job->why);
    return r == WORK_E_FAILED && made_before(job) ? 0 : r;
}

/* That very one: by its name it could be another that this action has made meanwhile. */
static int change_set_delete(struct job *job, const json_t *change_set)
{
    return work_call(job->client, SERVICE, "DeleteChangeSet",
                     json_pack("{s:s}", "ChangeSetName", json_str(change_set, "ChangeSetId", "")), NULL, NULL,
                     &job->why);
}

static void change_describe(struct buf *out, const json_t *change, int counts[3])
{
    static const char *const actions[] = {"Add", "Modify", "Remove"};
    const json_t *resource = json_object_get(change, "ResourceChange");
    const char *action = json_str(resource, "Action", "?");
    const char *replacement = json_str(resource, "Replacement", "");

    for (size_t i = 0; i < ARRAY_LEN(actions); i++)
        counts[i] += strcmp(actions[i], action) == 0;
    buf_printf(out, "%s%s %s (%s)", out->len ? ", " : "", action,
               json_str(resource, "LogicalResourceId", "?"), json_str(resource, "ResourceType", "?"));
    if (strcmp(action, "Modify") == 0 &&
        (strcmp(replacement, "True") == 0 || strcmp(replacement, "Conditional") == 0))
        buf_printf(out, " replacing it: %s", replacement);
}

static int count_variable(struct job *job, const char *name, int count)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", count);
    return job_variable(job, name, text);
}

static int change_set_report(struct job *job, const json_t *change_set)
{
    CLEANUP(buf_free) struct buf list = BUF_INIT(1600);
    const json_t *changes = work_list(change_set, "Changes");
    const json_t *change;
    int counts[3] = {0};
    size_t i;
    int r;

    json_array_foreach (changes, i, change)
        change_describe(&list, change, counts);
    if (json_array_size(changes) == 0)
        buf_puts(&job->summary, "no changes");
    else
        buf_printf(&job->summary, "%d to add, %d to modify, %d to remove: " STR_FMT "%s", counts[0],
                   counts[1], counts[2], STR_ARG(buf_str(&list)), list.error ? ", and more" : "");
    free(job->external_id);
    job->external_id = str_dup(str_of(json_str(change_set, "ChangeSetId", "")));
    r = job->external_id ? job_variable(job, "ChangeSetName", json_str(change_set, "ChangeSetName", ""))
                         : FAULT(ENOMEM);
    if (r == 0)
        r = job_variable(job, "StackName", json_str(change_set, "StackName", ""));
    if (r == 0)
        r = count_variable(job, "Adds", counts[0]);
    if (r == 0)
        r = count_variable(job, "Modifies", counts[1]);
    if (r == 0)
        r = count_variable(job, "Removes", counts[2]);
    if (r == 0)
        r = job_variable(job, "Summary", job->summary.ptr);
    return r;
}

static bool is_empty(const json_t *change_set)
{
    return strcmp(json_str(change_set, "Status", ""), "FAILED") == 0 &&
           stack_says_no_change(json_str(change_set, "StatusReason", ""));
}

static int change_set_await(struct job *job)
{
    int64_t wait_ms = 0;

    for (;;) {
        CLEANUP(json_free) json_t *change_set = NULL;
        int r = change_set_look(job, wait_ms, &change_set);
        const char *status = json_str(change_set, "Status", "");

        if (r)
            return r;
        if (strcmp(status, "CREATE_COMPLETE") == 0 || is_empty(change_set))
            return change_set_report(job, change_set);
        if (strcmp(status, "FAILED") == 0)
            return job_fail(job, "JobFailed", "change set %s of stack %s failed: %s",
                            setting_or_empty(job, "ChangeSetName"), setting_or_empty(job, "StackName"),
                            json_str(change_set, "StatusReason", "no reason was given"));
        if (job_given_up(job))
            return WORK_E_STOPPED;
        wait_ms = WAIT_MS;
    }
}

/* The stack at rest: *ret_type is what a change set for it must be. */
static int change_set_type(struct job *job, const char **ret_type)
{
    const struct stack_patience patience = job_patience(job);
    CLEANUP(json_free) json_t *stack = NULL;
    const char *name = setting_or_empty(job, "StackName");
    int r = stack_settle(job->client, name, &patience, &stack, &job->why);

    *ret_type = "CREATE";
    if (r == WORK_E_ABSENT)
        return 0;
    if (r == 0 && stack_state(stack_status(stack)) != STACK_REVIEW)
        *ret_type = "UPDATE";
    return r;
}

static int mode_change_set_replace(struct job *job)
{
    CLEANUP(json_free) json_t *there = NULL;
    const char *type;
    int r = change_set_look(job, 0, &there);

    if (r == 0 && is_mine(job, there))
        return change_set_await(job);
    if (r == 0)
        r = change_set_delete(job, there);
    if (r == 0 || r == WORK_E_ABSENT)
        r = change_set_type(job, &type);
    if (r == 0)
        r = change_set_create(job, type);
    return r ? r : change_set_await(job);
}

/* Whether the stack's events say that this action execution has moved the stack before. */
static int moved_before(struct job *job, struct reason *why, bool *ret)
{
    CLEANUP(json_free) json_t *out = NULL;
    const json_t *events, *event;
    size_t i;
    int r = work_call(job->client, SERVICE, "DescribeStackEvents",
                      json_pack("{s:s}", "StackName", setting_or_empty(job, "StackName")), &out, NULL, why);

    *ret = false;
    if (r)
        return r;
    events = work_list(out, "StackEvents");
    json_array_foreach (events, i, event)
        *ret = *ret || strcmp(json_str(event, "ClientRequestToken", ""), job_action_execution(job)) == 0;
    return 0;
}

/* Moves the stack. A refusal does not count when this action execution has moved it already: an answer was
 * lost, or who had the job before came to life just now. */
static int stack_move(struct job *job, const char *operation, json_t *in, struct aws_error *error)
{
    struct reason unasked = {0};
    bool mine = false;
    int r = work_call(job->client, SERVICE, operation, in, NULL, error, &job->why);

    if (r == WORK_E_FAILED && moved_before(job, &unasked, &mine) == 0 && mine)
        return 0;
    return r;
}

static int change_set_missing(struct job *job)
{
    bool mine;
    int r = moved_before(job, &job->why, &mine);

    if (r == 0 && mine)
        return stack_await(job, setting_or_empty(job, "StackName"));
    if (r == WORK_E_RETRY || r == WORK_E_STOPPED || r < 0)
        return r;
    return job_fail(job, "JobFailed", "stack %s has no change set %s: an earlier action must create it",
                    setting_or_empty(job, "StackName"), setting_or_empty(job, "ChangeSetName"));
}

static int mode_change_set_execute(struct job *job)
{
    CLEANUP(json_free) json_t *change_set = NULL;
    const char *name = setting_or_empty(job, "StackName");
    struct aws_error error = {0};
    const char *status;
    int r = change_set_look(job, 0, &change_set);

    if (r == WORK_E_ABSENT)
        return change_set_missing(job);
    if (r)
        return r;
    if (is_empty(change_set)) { /* the stack is as it should be; what follows needs its outputs */
        buf_puts(&job->summary, "no changes: ");
        return stack_await(job, name);
    }
    status = json_str(change_set, "ExecutionStatus", "");
    if (strcmp(status, "AVAILABLE") == 0) {
        r = stack_move(job, "ExecuteChangeSet",
                       json_pack("{s:s, s:s, s:s}", "StackName", name, "ChangeSetName",
                                 setting_or_empty(job, "ChangeSetName"), "ClientRequestToken",
                                 job_action_execution(job)),
                       &error);
        if (r)
            return r;
    } else if (!str_starts(str_of(status), STR("EXECUTE_"))) {
        return job_fail(job, "JobFailed", "change set %s of stack %s cannot be executed: it is %s (%s)",
                        setting_or_empty(job, "ChangeSetName"), name, status,
                        json_str(change_set, "StatusReason", "no reason was given"));
    }
    return stack_await(job, name);
}

/* ---- stacks without change sets
 * ----------------------------------------------------------------------------- */

static int stack_operation(struct job *job, const char *operation)
{
    CLEANUP(deployment_deinit) struct deployment deployment = {0};
    const char *role_arn = job_setting(job, "RoleArn");
    struct aws_error error = {0};
    json_t *in;
    int r = deployment_read(job, &deployment);

    if (r)
        return r;
    in = json_pack("{s:s, s:s, s:s, s:O, s:O, s:O}", "StackName", setting_or_empty(job, "StackName"),
                   "ClientRequestToken", job_action_execution(job), "TemplateBody", deployment.template,
                   "Parameters", deployment.parameters, "Tags", deployment.tags, "Capabilities",
                   deployment.capabilities);
    if (!in || (role_arn && json_put_str(in, "RoleARN", role_arn))) {
        json_decref(in);
        return FAULT(ENOMEM);
    }
    r = stack_move(job, operation, in, &error);
    return r == WORK_E_FAILED && stack_says_no_change(error.message) ? 0 : r;
}

static int create_or_update(struct job *job, bool replace_broken)
{
    const struct stack_patience patience = job_patience(job);
    const char *name = setting_or_empty(job, "StackName");
    CLEANUP(json_free) json_t *stack = NULL;
    enum stack_state state = STACK_GONE;
    int r = stack_settle(job->client, name, &patience, &stack, &job->why);

    if (r == 0)
        state = stack_state(stack_status(stack));
    if (r == 0 && replace_broken && (state == STACK_BROKEN || state == STACK_STUCK)) {
        r = stack_remove(job->client, name, false, &patience, &job->why);
        state = STACK_GONE;
    }
    if (r && r != WORK_E_ABSENT)
        return r;
    r = stack_operation(job, state == STACK_GONE ? "CreateStack" : "UpdateStack");
    return r ? r : stack_await(job, name);
}

static int mode_create_update(struct job *job)
{
    return create_or_update(job, false);
}

static int mode_replace_on_failure(struct job *job)
{
    return create_or_update(job, true);
}

static int mode_delete_only(struct job *job)
{
    const struct stack_patience patience = job_patience(job);
    const char *name = setting_or_empty(job, "StackName");
    int r = stack_remove(job->client, name, false, &patience, &job->why);

    if (r == 0)
        buf_printf(&job->summary, "stack %s is deleted", name);
    return r;
}

static const struct {
    const char *name;
    bool needs_change_set;
    int (*run)(struct job *job);
} modes[] = {
    {"CHANGE_SET_REPLACE", true, mode_change_set_replace},
    {"CHANGE_SET_EXECUTE", true, mode_change_set_execute},
    {"CREATE_UPDATE", false, mode_create_update},
    {"REPLACE_ON_FAILURE", false, mode_replace_on_failure},
    {"DELETE_ONLY", false, mode_delete_only},
};

int action_deploy_cloudformation(struct job *job)
{
    const char *mode = setting_or_empty(job, "ActionMode");

    if (!job_setting(job, "StackName"))
        return job_fail(job, "ConfigurationError", "the action's configuration needs StackName");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        if (strcmp(modes[i].name, mode) != 0)
            continue;
        if (modes[i].needs_change_set && !job_setting(job, "ChangeSetName"))
            return job_fail(job, "ConfigurationError", "ActionMode %s needs ChangeSetName", mode);
        return modes[i].run(job);
    }
    return job_fail(job, "ConfigurationError",
                    "ActionMode '%s' is not one of CHANGE_SET_REPLACE, CHANGE_SET_EXECUTE, CREATE_UPDATE, "
                    "REPLACE_ON_FAILURE, DELETE_ONLY",
                    mode);
}
