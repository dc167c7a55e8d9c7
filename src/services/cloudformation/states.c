/* How stacks and resources move: the tables of legal transitions, the two movers, and the events that tell of
 * it. Source: CloudFormation User Guide, "Stack status codes". */
#include "base/clock.h"
#include "base/id.h"
#include "services/cloudformation/store.h"
#include "wire/json.h"
#include <stdio.h>

struct transition {
    const char *from;
    const char *to;
};

static const struct transition stack_table[] = {
    {"", "REVIEW_IN_PROGRESS"},
    {"", "CREATE_IN_PROGRESS"},
    {"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"},
    {"REVIEW_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    {"CREATE_IN_PROGRESS", "CREATE_COMPLETE"},
    {"CREATE_IN_PROGRESS", "CREATE_FAILED"},
    {"CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"},
    {"CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    {"CREATE_COMPLETE", "UPDATE_IN_PROGRESS"},
    {"CREATE_COMPLETE", "DELETE_IN_PROGRESS"},
    {"CREATE_FAILED", "DELETE_IN_PROGRESS"},
    {"ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"},
    {"ROLLBACK_IN_PROGRESS", "ROLLBACK_FAILED"},
    {"ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"},
    {"ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS"},
    {"ROLLBACK_FAILED", "DELETE_IN_PROGRESS"},
    {"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"},
    {"UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"},
    {"UPDATE_IN_PROGRESS", "UPDATE_FAILED"},
    {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"},
    {"UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"},
    {"UPDATE_COMPLETE", "DELETE_IN_PROGRESS"},
    {"UPDATE_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS"},
    {"UPDATE_FAILED", "UPDATE_IN_PROGRESS"},
    {"UPDATE_FAILED", "DELETE_IN_PROGRESS"},
    {"UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"},
    {"UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"},
    {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"},
    {"UPDATE_ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"},
    {"UPDATE_ROLLBACK_COMPLETE", "DELETE_IN_PROGRESS"},
    {"UPDATE_ROLLBACK_FAILED", "UPDATE_ROLLBACK_IN_PROGRESS"},
    {"UPDATE_ROLLBACK_FAILED", "DELETE_IN_PROGRESS"},
    {"DELETE_IN_PROGRESS", "DELETE_COMPLETE"},
    {"DELETE_IN_PROGRESS", "DELETE_FAILED"},
    {"DELETE_FAILED", "DELETE_IN_PROGRESS"},
};

bool stack_may_move(const char *from, const char *to)
{
    for (size_t i = 0; i < ARRAY_LEN(stack_table); i++)
        if (strcmp(stack_table[i].from, from) == 0 && strcmp(stack_table[i].to, to) == 0)
            return true;
    return false;
}

bool stack_busy(const char *status)
{
    return str_ends(str_of(status), STR("_IN_PROGRESS")) && strcmp(status, "REVIEW_IN_PROGRESS") != 0;
}

void stack_wake(struct tx *tx, const struct stack *stack)
{
    tx_wake(tx, "%s", stack->id);
    tx_wake(tx, "cloudformation:%s", stack->account);
}

static int stack_event(struct tx *tx, const struct stack *stack, const char *status, const char *reason)
{
    CLEANUP(json_free)
    json_t *row = json_pack("{s:s, s:s, s:s}", "LogicalResourceId", stack->name, "PhysicalResourceId",
                            stack->id, "ResourceType", "AWS::CloudFormation::Stack");

    return row ? event_add(tx, stack, row, status, reason) : FAULT(ENOMEM);
}

int stack_move(struct tx *tx, struct stack *stack, const char *status, const char *reason)
{
    int64_t now = clock_now_ms();
    bool is_new = !*stack->status;

    assert(stack_may_move(stack->status, status));
    (void)snprintf(stack->status, sizeof(stack->status), "%s", status);
    if (reason && json_put_str(stack->doc, "Reason", reason))
        return FAULT(ENOMEM);
    if (!reason)
        json_object_del(stack->doc, "Reason");
    if (strcmp(status, "DELETE_COMPLETE") == 0)
        stack->deleted_ms = now;
    else if (!is_new)
        stack->updated_ms = now;
    int err = is_new ? stack_insert(tx, stack) : stack_save(tx, stack);
    if (!err)
        err = stack_event(tx, stack, status, reason);
    stack_wake(tx, stack);
    if (stack_busy(status))
        tx_wake(tx, "%s", STACK_TOPIC_ENGINE);
    return err;
}

/* ---- resources */

/* "": not there yet. Any state may follow UPDATE_…_COMPLETE's like: what matters is that nothing is called
 * complete that was not in progress, nor touched once deleted. */
static const struct transition resource_table[] = {
    {"", "CREATE_IN_PROGRESS"},
    {"CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"}, /* initiated: the physical id is known */
    {"CREATE_IN_PROGRESS", "CREATE_COMPLETE"},
    {"CREATE_IN_PROGRESS", "CREATE_FAILED"},
    {"UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"},
    {"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"},
    {"UPDATE_IN_PROGRESS", "UPDATE_FAILED"},
    {"DELETE_IN_PROGRESS", "DELETE_COMPLETE"},
    {"DELETE_IN_PROGRESS", "DELETE_FAILED"},
    {"DELETE_FAILED", "DELETE_IN_PROGRESS"},
    {"DELETE_FAILED", "DELETE_SKIPPED"},
    {"CREATE_FAILED", "DELETE_IN_PROGRESS"},
    {"CREATE_FAILED", "DELETE_SKIPPED"},
    {"CREATE_FAILED", "DELETE_COMPLETE"},
    {"UPDATE_FAILED", "DELETE_IN_PROGRESS"},
    {"UPDATE_FAILED", "DELETE_SKIPPED"},
    {"UPDATE_FAILED", "UPDATE_IN_PROGRESS"},
    {"UPDATE_FAILED", "UPDATE_COMPLETE"},
    {"CREATE_COMPLETE", "UPDATE_IN_PROGRESS"},
    {"CREATE_COMPLETE", "DELETE_IN_PROGRESS"},
    {"CREATE_COMPLETE", "DELETE_SKIPPED"},
    {"UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"},
    {"UPDATE_COMPLETE", "DELETE_IN_PROGRESS"},
    {"UPDATE_COMPLETE", "DELETE_SKIPPED"},
};

static bool resource_may_move(const char *from, const char *to)
{
    for (size_t i = 0; i < ARRAY_LEN(resource_table); i++)
        if (strcmp(resource_table[i].from, from) == 0 && strcmp(resource_table[i].to, to) == 0)
            return true;
    return false;
}

int resource_move(struct tx *tx, const struct stack *stack, json_t *row, const char *status,
                  const char *reason)
{
    assert(resource_may_move(json_str(row, "ResourceStatus", ""), status));
    int err = json_put_str(row, "ResourceStatus", status);
    if (!err && reason)
        err = json_put_str(row, "ResourceStatusReason", reason);
    else
        json_object_del(row, "ResourceStatusReason");
    if (!err)
        err = json_put_int(row, "Timestamp", clock_now_ms());
    if (!err)
        err = resource_save(tx, stack->id, row);
    return err ? err : event_add(tx, stack, row, status, reason);
}

/* ---- events */

static int next_seq(struct tx *tx, const char *stack_id, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = tx_query_row(tx, &rows,
                           "SELECT coalesce(max(seq), 0) + 1 FROM cloudformation_event WHERE stack_id = $1",
                           "s", stack_id);

    if (!err)
        *ret = rows_int(rows, 0);
    return err;
}

int event_add(struct tx *tx, const struct stack *stack, const json_t *row, const char *status,
              const char *reason)
{
    char uuid[ID_UUID_SIZE];
    int64_t seq = 0;
    const json_t *properties = json_object_get(row, "properties");
    CLEANUP(free_ptr) char *text = properties ? json_text(properties) : NULL;

    id_uuid(uuid);
    CLEANUP(json_free)
    json_t *event = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "StackId", stack->id, "StackName", stack->name, "EventId",
        uuid, "LogicalResourceId", json_str(row, "LogicalResourceId", ""), "PhysicalResourceId",
        json_str(row, "PhysicalResourceId", ""), "ResourceType", json_str(row, "ResourceType", ""),
        "Timestamp", (json_int_t)clock_now_ms(), "ResourceStatus", status);
    const char *token = json_str(stack->doc, "Token", NULL);
    if (!event || (reason && json_put_str(event, "ResourceStatusReason", reason)) ||
        (text && json_put_str(event, "ResourceProperties", text)) ||
        (token && json_put_str(event, "ClientRequestToken", token)))
        return FAULT(ENOMEM);
    CLEANUP(free_ptr) char *doc = json_text(event);
    int err = doc ? next_seq(tx, stack->id, &seq) : FAULT(ENOMEM);
    if (!err)
        err = tx_exec(tx, "INSERT INTO cloudformation_event (stack_id, seq, doc) VALUES ($1, $2, $3)", "sis",
                      stack->id, seq, doc);
    return err;
}

int event_list(struct tx *tx, const char *stack_id, int64_t before_seq, size_t max, json_t **ret,
               int64_t *ret_next)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int64_t last = 0;
    int err = tx_query(tx, &rows,
                       "SELECT seq, doc FROM cloudformation_event WHERE stack_id = $1 AND seq < $2"
                       " ORDER BY seq DESC",
                       "si", stack_id, before_seq);

    *ret_next = 0;
    while (!err && (err = rows_next(rows)) == 0) {
        json_t *event = NULL;
        if (json_array_size(list) == max) {
            *ret_next = last;
            break;
        }
        err = json_parse(rows_str(rows, 1), &event, NULL);
        if (err || json_array_append_new(list, event))
            return err < 0 ? err : FAULT(EBADMSG);
        last = rows_int(rows, 0);
    }
    if (err && err != DB_NONE)
        return err;
    *ret = take(list);
    return 0;
}
