/* See policy.h. Source: SQS Developer Guide, "Amazon SQS policy quotas"; SQS API reference, AddPermission,
 * RemovePermission; SQS's own messages. */
#include "services/sqs/policy.h"
#include "services/iam/evaluate.h"
#include "services/iam/iam.h"
#include "services/iam/policy_form.h"
#include "services/service.h"
#include "wire/json.h"
#include <ctype.h>

#define POLICY_MAX_BYTES 8192
#define STATEMENTS_MAX 20
#define PRINCIPALS_MAX 50
#define CONDITIONS_MAX 10
#define ACTIONS_MAX 7

/* ---- actions */

/* What another account can be given; the rest is the owner's alone. */
static const char *const given_actions[] = {
    "*",           "ChangeMessageVisibility", "DeleteMessage",
    "GetQueueUrl", "GetQueueAttributes",      "ListDeadLetterSourceQueues",
    "PurgeQueue",  "ReceiveMessage",          "SendMessage",
};
static const char *const owner_actions[] = {
    "AddPermission",      "CancelMessageMoveTask", "CreateQueue", "DeleteQueue",
    "ListQueueTags",      "ListMessageMoveTasks",  "ListQueues",  "RemovePermission",
    "SetQueueAttributes", "StartMessageMoveTask",  "TagQueue",    "UntagQueue",
};
/* Each is allowed with the action that it is many of; policies name them all the same. */
static const char *const batch_actions[] = {
    "ChangeMessageVisibilityBatch",
    "DeleteMessageBatch",
    "SendMessageBatch",
};

static bool among(const char *const *list, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static bool names_one_of(const char *const *list, size_t count, struct str pattern)
{
    for (size_t i = 0; i < count; i++)
        if (policy_matches(pattern, str_of(list[i]), true))
            return true;
    return false;
}

/* ---- form */

/* One that names nothing allows nothing, and denies nothing. */
static bool not_sqs(void *ctx UNUSED, const char *text)
{
    if (strcmp(text, "*") == 0)
        return false;
    if (strncasecmp(text, "sqs:", 4) != 0)
        return true;
    struct str pattern = str_of(text + 4);
    return !names_one_of(given_actions, ARRAY_LEN(given_actions), pattern) &&
           !names_one_of(owner_actions, ARRAY_LEN(owner_actions), pattern) &&
           !names_one_of(batch_actions, ARRAY_LEN(batch_actions), pattern);
}

static bool is_key(const char *key)
{
    return strncasecmp(key, "aws:", 4) == 0 || strncasecmp(key, "sqs:", 4) == 0;
}

static bool statement_ok(const json_t *statement)
{
    const char *effect = json_str(statement, "Effect", "");
    const json_t *principal = policy_element(statement, "Principal", "NotPrincipal");
    const json_t *action = policy_element(statement, "Action", "NotAction");
    const json_t *conditions = json_object_get(statement, "Condition");
    if (strcmp(effect, "Allow") != 0 && strcmp(effect, "Deny") != 0)
        return false;
    return principal && policy_principal_ok(principal) && policy_is_texts(action) &&
           !policy_any(action, not_sqs, NULL) &&
           policy_is_texts(policy_element(statement, "Resource", "NotResource")) &&
           policy_conditions_check(conditions, NULL) == 0 && policy_keys_ok(conditions, is_key);
}

static bool policy_ok(const json_t *policy)
{
    const char *version = json_str(policy, "Version", "2008-10-17");
    const json_t *statement;
    if (strcmp(version, "2012-10-17") != 0 && strcmp(version, "2008-10-17") != 0)
        return false;
    if (policy_unknown_field(policy))
        return false;
    for (size_t i = 0; (statement = policy_statement(policy, i)); i++)
        if (!statement_ok(statement))
            return false;
    return policy_statement(policy, 0) != NULL;
}

static size_t texts(const json_t *element)
{
    return json_is_array(element) ? json_array_size(element) : element != NULL;
}

static size_t principals(const json_t *statement)
{
    const json_t *principal = policy_element(statement, "Principal", "NotPrincipal");
    const char *kind;
    json_t *named;
    size_t count = json_is_string(principal);
    json_object_foreach ((json_t *)principal, kind, named)
        count += texts(named);
    return count;
}

static size_t conditions(const json_t *statement)
{
    const char *name;
    json_t *block;
    size_t count = 0;
    json_object_foreach (json_object_get(statement, "Condition"), name, block)
        count += json_object_size(block);
    return count;
}

static int check_limits(const json_t *policy, struct reason *why)
{
    struct {
        const char *what;
        size_t found, max;
    } sums[] = {{"statements", 0, STATEMENTS_MAX},
                {"principals", 0, PRINCIPALS_MAX},
                {"conditions", 0, CONDITIONS_MAX}};
    const json_t *statement;
    for (size_t i = 0; (statement = policy_statement(policy, i)); i++) {
        size_t actions = texts(policy_element(statement, "Action", "NotAction"));
        if (actions > ACTIONS_MAX)
            return reason_set(
                why, SQS_E_OVER_LIMIT,
                "%zu actions were found in a statement from the submitted policy, max allowed is %d", actions,
                ACTIONS_MAX);
        sums[0].found++;
        sums[1].found += principals(statement);
        sums[2].found += conditions(statement);
    }
    for (size_t i = 0; i < ARRAY_LEN(sums); i++)
        if (sums[i].found > sums[i].max)
            return reason_set(why, SQS_E_OVER_LIMIT,
                              "%zu %s were found in the submitted policy, max allowed is %zu", sums[i].found,
                              sums[i].what, sums[i].max);
    return 0;
}

static int bad_policy(struct reason *why)
{
    return reason_set(why, SQS_E_ATTRIBUTE_VALUE, "Invalid value for the parameter Policy.");
}

int queue_policy_check(const char *text, struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    if (strlen(text) > POLICY_MAX_BYTES)
        return reason_set(why, SQS_E_OVER_LIMIT, "Submitted policy is over max allowed size.");
    int rc = json_parse(str_of(text), &policy, NULL);
    if (rc < 0)
        return rc;
    if (rc != 0 || !policy_ok(policy))
        return bad_policy(why);
    return check_limits(policy, why);
}

/* ---- permissions */

bool queue_action_of_owner(const char *action)
{
    return strncmp(action, "sqs:", 4) == 0 && among(owner_actions, ARRAY_LEN(owner_actions), action + 4);
}

static int check_actions(const json_t *actions, struct reason *why)
{
    if (json_array_size(actions) > ACTIONS_MAX)
        return reason_set(why, SQS_E_OVER_LIMIT, "%zu Actions were found, maximum allowed is %d.",
                          json_array_size(actions), ACTIONS_MAX);
    for (size_t i = 0; i < json_array_size(actions); i++) {
        const char *action = json_string_value(json_array_get(actions, i));
        if (action && among(given_actions, ARRAY_LEN(given_actions), action))
            continue;
        bool owners = action && among(owner_actions, ARRAY_LEN(owner_actions), action);
        return reason_set(why, SQS_E_PARAMETER,
                          "Value SQS:%s for parameter ActionName is invalid. Reason: %s",
                          action ? action : "",
                          owners ? "Only the queue owner is allowed to invoke this action."
                                 : "Please refer to the appropriate WSDL for a list of valid actions.");
    }
    return 0;
}

static int check_accounts(struct tx *tx, const json_t *accounts, struct reason *why)
{
    for (size_t i = 0; i < json_array_size(accounts); i++) {
        const char *account = json_string_value(json_array_get(accounts, i));
        struct account found = {0};
        int rc = account && iam_account_id_ok(account) ? account_get(tx, account, &found) : IAM_NO_ENTITY;
        if (rc == IAM_NO_ENTITY)
            return reason_set(why, SQS_E_PARAMETER,
                              "Value [%s] for parameter PrincipalId is invalid. Reason: Unable to verify.",
                              account ? account : "");
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int bad_label(struct reason *why, const char *label, const char *because)
{
    return reason_set(why, SQS_E_PARAMETER, "Value %s for parameter Label is invalid. Reason: %s", label,
                      because);
}

static bool has_label(const json_t *policy, const char *label)
{
    const json_t *statement;
    for (size_t i = 0; (statement = policy_statement(policy, i)); i++)
        if (strcmp(json_str(statement, "Sid", ""), label) == 0)
            return true;
    return false;
}

/* *ret: the queue's policy, whose statements are a list; NULL: it has none. */
static int load(const struct queue *queue, json_t **ret, struct reason *why)
{
    const char *text = queue_text(queue, "Policy");
    CLEANUP(json_free) json_t *policy = NULL;
    if (!text)
        return 0;
    int rc = json_parse(str_of(text), &policy, NULL);
    if (rc < 0)
        return rc;
    if (rc != 0 || !policy_ok(policy))
        return bad_policy(why);
    json_t *statement = json_object_get(policy, "Statement");
    if (!json_is_array(statement) && json_put(policy, "Statement", json_pack("[O]", statement)) != 0)
        return FAULT(ENOMEM);
    *ret = take(policy);
    return 0;
}

/* Each of them between the two; one stands for itself. */
static json_t *named(const json_t *list, const char *before, const char *behind)
{
    json_t *texts = json_array();
    for (size_t i = 0; texts && i < json_array_size(list); i++)
        if (json_array_append_new(
                texts, json_sprintf("%s%s%s", before, json_string_value(json_array_get(list, i)), behind)))
            json_free(&texts);
    if (json_array_size(texts) != 1)
        return texts;
    json_t *only = json_incref(json_array_get(texts, 0));
    json_free(&texts);
    return only;
}

static int append(const struct platform *platform, const struct queue *queue,
                  const struct permission *permission, json_t **policy)
{
    CLEANUP(buf_free) struct buf arn = BUF_INIT(512);
    queue_arn(platform, queue->account, queue->name, &arn);
    if (buf_error(&arn) != 0)
        return FAULT(buf_error(&arn));
    if (!*policy)
        *policy = json_pack("{s:s, s:o, s:[]}", "Version", "2008-10-17", "Id",
                            json_sprintf("%s/SQSDefaultPolicy", arn.ptr), "Statement");
    json_t *statement =
        json_pack("{s:s, s:s, s:{s:o}, s:o, s:s}", "Sid", permission->label, "Effect", "Allow", "Principal",
                  "AWS", named(permission->accounts, "arn:aws:iam::", ":root"), "Action",
                  named(permission->actions, "SQS:", ""), "Resource", arn.ptr);
    return json_array_append_new(json_object_get(*policy, "Statement"), statement) == 0 ? 0 : FAULT(ENOMEM);
}

static bool label_ok(const char *label)
{
    size_t len = strlen(label);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)label[i]) && label[i] != '-' && label[i] != '_')
            return false;
    return len >= 1 && len <= SQS_NAME_MAX;
}

int queue_policy_permit(struct tx *tx, const struct platform *platform, const struct queue *queue,
                        const struct permission *permission, char **ret, struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    if (!label_ok(permission->label))
        return bad_label(why, permission->label,
                         "Can only include alphanumeric characters, hyphens, or underscores. "
                         "1 to 80 in length.");
    int rc = check_actions(permission->actions, why);
    if (rc == 0)
        rc = check_accounts(tx, permission->accounts, why);
    if (rc == 0)
        rc = load(queue, &policy, why);
    if (rc == 0 && has_label(policy, permission->label))
        rc = bad_label(why, permission->label, "Already exists.");
    if (rc == 0)
        rc = append(platform, queue, permission, &policy);
    if (rc != 0)
        return rc;
    *ret = json_text(policy);
    return *ret ? 0 : FAULT(ENOMEM);
}

int queue_policy_forbid(const struct queue *queue, const char *label, char **ret, struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    int rc = load(queue, &policy, why);
    if (rc == 0 && !has_label(policy, label))
        rc = bad_label(why, label, "can't find label on existing policy.");
    if (rc != 0)
        return rc;
    json_t *statements = json_object_get(policy, "Statement");
    for (size_t i = json_array_size(statements); i-- > 0;)
        if (strcmp(json_str(json_array_get(statements, i), "Sid", ""), label) == 0 &&
            json_array_remove(statements, i) != 0)
            return FAULT(EINVAL);
    *ret = json_array_size(statements) > 0 ? json_text(policy) : str_dup(STR(""));
    return *ret ? 0 : FAULT(ENOMEM);
}
