/* See stack.h. */
#include "workers/stack.h"
#include "wire/json.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include "workers/worker.h"
#include <stdio.h>

#define WAIT_MS 10000
#define EMPTY_TRIES 3
#define LIST_MAX_BYTES (8 << 20)
#define KEY_MAX_BYTES ((size_t)64 * 1024)

static const struct {
    const char *status;
    enum stack_state state;
} states[] = {
    {"CREATE_COMPLETE", STACK_GOOD},         {"UPDATE_COMPLETE", STACK_GOOD},
    {"IMPORT_COMPLETE", STACK_GOOD},         {"UPDATE_ROLLBACK_COMPLETE", STACK_BACK},
    {"UPDATE_ROLLBACK_FAILED", STACK_STUCK}, {"REVIEW_IN_PROGRESS", STACK_REVIEW},
    {"DELETE_COMPLETE", STACK_GONE},
};

enum stack_state stack_state(const char *status)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(states[i].status, status) == 0)
            return states[i].state;
    return str_ends(str_of(status), STR("_IN_PROGRESS")) ? STACK_BUSY : STACK_BROKEN;
}

const char *stack_status(const json_t *stack)
{
    return json_str(stack, "StackStatus", "");
}

const char *stack_tag(const json_t *stack, const char *key)
{
    const json_t *tags = work_list(stack, "Tags");
    const json_t *tag;
    size_t i;

    json_array_foreach (tags, i, tag)
        if (strcmp(json_str(tag, "Key", ""), key) == 0)
            return json_str(tag, "Value", "");
    return "";
}

/* What came of DescribeStacks. */
static int described(int outcome, const char *name, const json_t *out, const struct aws_error *error,
                     json_t **ret_stack, struct reason *why)
{
    json_t *stack;

    if (outcome == WORK_E_FAILED && strstr(error->message, "does not exist"))
        return WORK_E_ABSENT;
    if (outcome)
        return outcome;
    stack = json_path(out, "Stacks.0");
    if (!stack || stack_state(stack_status(stack)) == STACK_GONE)
        return reason_set(why, WORK_E_ABSENT, "stack %s does not exist", name);
    *ret_stack = json_incref(stack);
    return 0;
}

static int describe(struct aws_client *client, const char *name, int64_t wait_ms, json_t **ret_stack,
                    struct reason *why)
{
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error = {0};
    int r = work_call_wait(client, "cloudformation", "DescribeStacks", json_pack("{s:s}", "StackName", name),
                           wait_ms, &out, &error, why);

    return described(r, name, out, &error, ret_stack, why);
}

int stack_ask(struct aws_client *client, const char *name, struct aws_asked **ret)
{
    return aws_ask(client, "cloudformation", "DescribeStacks", json_pack("{s:s}", "StackName", name), ret);
}

static int describe_asked(struct aws_asked **asked, const char *name, json_t **ret_stack, struct reason *why)
{
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error = {0};
    int r = work_answer(asked, "cloudformation:DescribeStacks", &out, &error, why);

    return described(r, name, out, &error, ret_stack, why);
}

int stack_look(struct aws_client *client, const char *name, json_t **ret_stack, struct reason *why)
{
    return describe(client, name, 0, ret_stack, why);
}

static bool gives_up(const struct stack_patience *patience)
{
    return worker_stopping() || (patience && patience->give_up && patience->give_up(patience->ctx));
}

/* `asked`: the first look, or NULL, or has none; else `wait_ms` is its. */
static int settle(struct aws_client *client, const char *name, const struct stack_patience *patience,
                  struct aws_asked **asked, int64_t wait_ms, json_t **ret_stack, struct reason *why)
{
    for (;;) {
        CLEANUP(json_free) json_t *stack = NULL;
        int r = asked && *asked ? describe_asked(asked, name, &stack, why)
                                : describe(client, name, wait_ms, &stack, why);

        if (r)
            return r;
        if (stack_state(stack_status(stack)) != STACK_BUSY) {
            *ret_stack = take(stack);
            return 0;
        }
        if (gives_up(patience))
            return reason_set(why, WORK_E_STOPPED, "stopped while stack %s was %s", name,
                              stack_status(stack));
        wait_ms = WAIT_MS;
    }
}

int stack_settle(struct aws_client *client, const char *name, const struct stack_patience *patience,
                 json_t **ret_stack, struct reason *why)
{
    return settle(client, name, patience, NULL, 0, ret_stack, why);
}

int stack_settle_changed(struct aws_client *client, const char *name, json_t **ret_stack, struct reason *why)
{
    return settle(client, name, NULL, NULL, WAIT_MS, ret_stack, why);
}

int stack_settle_asked(struct aws_client *client, const char *name, struct aws_asked **asked,
                       json_t **ret_stack, struct reason *why)
{
    return settle(client, name, NULL, asked, 0, ret_stack, why);
}

/* The stack's own event that began its last operation: events come newest first. */
static bool begins_operation(const json_t *event)
{
    const char *status = json_str(event, "ResourceStatus", "");

    return strcmp(json_str(event, "ResourceType", ""), "AWS::CloudFormation::Stack") == 0 &&
           (strcmp(status, "CREATE_IN_PROGRESS") == 0 || strcmp(status, "UPDATE_IN_PROGRESS") == 0 ||
            strcmp(status, "DELETE_IN_PROGRESS") == 0);
}

int stack_explain(struct aws_client *client, const char *name, struct reason *ret)
{
    CLEANUP(json_free) json_t *out = NULL;
    const json_t *events, *event;
    size_t i;
    int r = work_call(client, "cloudformation", "DescribeStackEvents", json_pack("{s:s}", "StackName", name),
                      &out, NULL, ret);

    if (r)
        return r;
    reason_set(ret, 0, "no failing event was found");
    events = work_list(out, "StackEvents");
    json_array_foreach (events, i, event) {
        const char *words = json_str(event, "ResourceStatusReason", "");

        if (str_ends(str_of(json_str(event, "ResourceStatus", "")), STR("_FAILED")) &&
            !strstr(words, "cancelled"))
            reason_set(ret, 0, "%s (%s): %s", json_str(event, "LogicalResourceId", "?"),
                       json_str(event, "ResourceType", "?"), words[0] ? words : "no reason was given");
        if (begins_operation(event))
            break;
    }
    return 0;
}

/* A key as a listing encodes it, so that it may hold what XML cannot. */
static int listed_key(struct arena *arena, const xmlNode *version, const char **ret)
{
    CLEANUP(free_ptr) char *listed = xml_text(xml_child(version, "Key"));
    struct str key = {NULL, 0};
    int r = listed ? uri_decode(arena, str_of(listed), true, &key) : FAULT(ENOMEM);
    *ret = key.ptr;
    return r == URI_E_BAD ? FAULT(EBADMSG) : r;
}

/* Deletes one listed version; the key and id are as ListObjectVersions gave them. */
static int version_delete(struct aws_client *client, const char *bucket, const xmlNode *version,
                          struct reason *why)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(KEY_MAX_BYTES);
    CLEANUP(free_ptr) char *id = xml_text(xml_child(version, "VersionId"));
    CLEANUP(buf_free) struct buf query = BUF_INIT(4096);
    struct http_exchange exchange = {.answer = BUF_INIT(65536), .raw_headers = BUF_INIT(65536)};
    struct aws_s3_request request = {.method = "DELETE", .bucket = bucket, .body_fd = -1, .sink_fd = -1};
    struct aws_error error = {0};
    int r = arena ? listed_key(arena, version, &request.key) : FAULT(ENOMEM);

    if (r)
        return r;
    buf_puts(&query, "versionId=");
    uri_encode(&query, str_of(id), false);
    if (!id || buf_error(&query))
        return FAULT(ENOMEM);
    request.query = query.ptr;
    r = aws_s3(client, &request, &exchange, &error);
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    return work_outcome(r, &error, "s3:DeleteObjectVersion", why);
}

/* Deletes what one page lists; *ret_left tells whether there was anything. */
static int page_delete(struct aws_client *client, const char *bucket, struct str page, bool *ret_left,
                       struct reason *why)
{
    static const char *const kinds[] = {"Version", "DeleteMarker"};
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    int r = xml_parse(page, &doc, why);

    *ret_left = false;
    if (r)
        return r < 0 ? r : WORK_E_FAILED;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const xmlNode *version = xml_child(xmlDocGetRootElement(doc), kinds[i]);

        for (; version; version = xml_next(version, kinds[i])) {
            *ret_left = true;
            r = version_delete(client, bucket, version, why);
            if (r)
                return r;
        }
    }
    return 0;
}

static int bucket_empty(struct aws_client *client, const char *bucket, struct reason *why)
{
    bool left = true;

    while (left) {
        struct http_exchange exchange = {.answer = BUF_INIT(LIST_MAX_BYTES), .raw_headers = BUF_INIT(65536)};
        struct aws_s3_request request = {.method = "GET",
                                         .bucket = bucket,
                                         .query = "versions&encoding-type=url",
                                         .body_fd = -1,
                                         .sink_fd = -1};
        struct aws_error error = {0};
        int r = aws_s3(client, &request, &exchange, &error);

        if (r == AWS_E_SERVICE && error.status == 404)
            left = false;
        r = left ? work_outcome(r, &error, "s3:ListObjectVersions", why) : 0;
        if (r == 0 && left)
            r = page_delete(client, bucket, buf_str(&exchange.answer), &left, why);
        buf_free(&exchange.answer);
        buf_free(&exchange.raw_headers);
        if (r)
            return r;
    }
    return 0;
}

/* Empties the buckets that kept the stack from being deleted: never one that the stack does not own or is
 * told to retain. *ret_any: there was one. */
static int buckets_empty(struct aws_client *client, const char *stack, bool *ret_any, struct reason *why)
{
    CLEANUP(json_free) json_t *out = NULL;
    const json_t *resources, *resource;
    size_t i;
    int r = work_call(client, "cloudformation", "DescribeStackResources",
                      json_pack("{s:s}", "StackName", stack), &out, NULL, why);

    *ret_any = false;
    resources = work_list(out, "StackResources");
    json_array_foreach (resources, i, resource) {
        const char *bucket = json_str(resource, "PhysicalResourceId", "");

        if (r || strcmp(json_str(resource, "ResourceType", ""), "AWS::S3::Bucket") != 0 || !bucket[0] ||
            strcmp(json_str(resource, "ResourceStatus", ""), "DELETE_FAILED") != 0)
            continue;
        *ret_any = true;
        r = bucket_empty(client, bucket, why);
    }
    return r;
}

static int delete_and_wait(struct aws_client *client, const char *id, const struct stack_patience *patience,
                           struct reason *why)
{
    CLEANUP(json_free) json_t *stack = NULL;
    struct reason cause = {0};
    int r = work_call(client, "cloudformation", "DeleteStack", json_pack("{s:s}", "StackName", id), NULL,
                      NULL, why);

    if (r == 0)
        r = stack_settle(client, id, patience, &stack, why);
    if (r == WORK_E_ABSENT)
        return 0;
    if (r == 0)
        r = stack_explain(client, id, &cause);
    if (r)
        return r;
    return reason_set(why, WORK_E_FAILED, "stack %s could not be deleted (%s): %s",
                      json_str(stack, "StackName", id), stack_status(stack), cause.text);
}

int stack_remove(struct aws_client *client, const char *name, bool empty_buckets,
                 const struct stack_patience *patience, struct reason *why)
{
    CLEANUP(json_free) json_t *stack = NULL;
    const char *id;
    int r = stack_settle(client, name, patience, &stack, why);

    if (r == WORK_E_ABSENT)
        return 0;
    if (r)
        return r;
    id = json_str(stack, "StackId", name);
    r = delete_and_wait(client, id, patience, why);
    for (int tries = 0; r == WORK_E_FAILED && empty_buckets && tries < EMPTY_TRIES; tries++) {
        bool any;
        int emptied = buckets_empty(client, id, &any, why);

        if (emptied || !any)
            return emptied ? emptied : r;
        r = delete_and_wait(client, id, patience, why);
    }
    return r;
}

bool stack_says_no_change(const char *message)
{
    return strstr(message, "No updates are to be performed") || strstr(message, "didn't contain changes");
}
