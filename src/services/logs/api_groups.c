/* Groups and streams: create, delete, describe, retain. */
#include "services/logs/api.h"
#include "services/logs/store.h"
#include "services/page_token.h"
#include "services/service.h"

#include <inttypes.h>

#define PAGE_MAX 50

int logs_create_log_group(struct call *c)
{
    return log_group_create(c->tx, c->caller->account, json_str(c->in, "logGroupName", ""),
                            json_object_get(c->in, "tags"), &c->reason);
}

int logs_delete_log_group(struct call *c)
{
    return log_group_delete(c->tx, c->caller->account, json_str(c->in, "logGroupName", ""), &c->reason);
}

int logs_put_retention_policy(struct call *c)
{
    int64_t days = json_int(c->in, "retentionInDays", 0);
    /* The domain's 0 means no policy: as a request's value it is none of AWS's periods. */
    return log_group_retain(c->tx, c->caller->account, json_str(c->in, "logGroupName", ""), days ? days : -1,
                            &c->reason);
}

int logs_delete_retention_policy(struct call *c)
{
    return log_group_retain(c->tx, c->caller->account, json_str(c->in, "logGroupName", ""), 0, &c->reason);
}

static json_t *group_json(struct call *c, struct rows *rows)
{
    json_t *group = json_pack("{s:s, s:I, s:I, s:i}", "logGroupName", rows_text(rows, 0), "creationTime",
                              (json_int_t)rows_int(rows, 1), "storedBytes", (json_int_t)rows_int(rows, 3),
                              "metricFilterCount", 0);
    if (group &&
        json_put_format(group, "arn", "arn:aws:logs:%s:%s:log-group:%s:*", c->platform->region,
                        c->caller->account, rows_text(rows, 0)) == 0 &&
        (!rows_int(rows, 2) || json_put_int(group, "retentionInDays", rows_int(rows, 2)) == 0))
        return group;
    json_decref(group);
    return NULL;
}

int logs_describe_log_groups(struct call *c)
{
    const char *prefix = json_str(c->in, "logGroupNamePrefix", "");
    const char *pattern = json_str(c->in, "logGroupNamePattern", "");
    if (*prefix && *pattern)
        return call_fail(c, LOGS_E_INVALID,
                         "LogGroup name prefix and LogGroup name pattern are mutually exclusive "
                         "parameters.");
    const char *last = NULL;
    int err = page_token_read(c, "nextToken", &last);
    if (err)
        return err < 0 ? err : call_fail(c, LOGS_E_INVALID, "The specified nextToken is invalid.");
    size_t max = (size_t)json_int(c->in, "limit", PAGE_MAX);
    CLEANUP(json_free) json_t *list = json_array();
    CLEANUP(rows_close) struct rows *rows = NULL;
    err = logs_store_groups(c->tx, c->caller->account, last ? last : "", &rows);
    if (err || !list)
        return err ? err : FAULT(ENOMEM);
    while ((err = rows_next(rows)) == 0) {
        struct str name = rows_str(rows, 0);
        if (!str_starts(name, str_of(prefix)) || !memmem(name.ptr, name.len, pattern, strlen(pattern)))
            continue;
        if (json_array_size(list) == max) {
            err = page_token_write(c, "nextToken", last);
            break;
        }
        if (json_array_append_new(list, group_json(c, rows)))
            return FAULT(ENOMEM);
        last = arena_dup(c->arena, name);
        if (!last)
            return FAULT(ENOMEM);
    }
    if (err && err != DB_NONE)
        return err;
    return json_put(c->out, "logGroups", take(list));
}

int logs_create_log_stream(struct call *c)
{
    struct log_group group;
    int err =
        log_group_find(c->tx, c->caller->account, json_str(c->in, "logGroupName", ""), &group, &c->reason);
    return err ? err : log_stream_create(c->tx, &group, json_str(c->in, "logStreamName", ""), &c->reason);
}

int logs_delete_log_stream(struct call *c)
{
    struct log_group group;
    int err =
        log_group_find(c->tx, c->caller->account, json_str(c->in, "logGroupName", ""), &group, &c->reason);
    return err ? err : log_stream_delete(c->tx, &group, json_str(c->in, "logStreamName", ""), &c->reason);
}

static json_t *stream_json(struct call *c, const char *group, struct rows *rows)
{
    static const char *const times[] = {"creationTime", "firstEventTimestamp", "lastEventTimestamp",
                                        "lastIngestionTime"};
    json_t *stream = json_pack("{s:s, s:I}", "logStreamName", rows_text(rows, 0), "storedBytes",
                               (json_int_t)rows_int(rows, 5));
    int err = stream ? json_put_format(stream, "arn", "arn:aws:logs:%s:%s:log-group:%s:log-stream:%s",
                                       c->platform->region, c->caller->account, group, rows_text(rows, 0))
                     : -ENOMEM;
    for (size_t i = 0; !err && i < ARRAY_LEN(times); i++)
        if (!rows_null(rows, (int)i + 1))
            err = json_put_int(stream, times[i], rows_int(rows, (int)i + 1));
    if (!err)
        return stream;
    json_decref(stream);
    return NULL;
}

/* Pages by position: the token is how many streams were passed. */
static int list_streams(struct call *c, const struct log_group *group, const char *group_name,
                        enum log_stream_order order, int64_t skip)
{
    const char *prefix = json_str(c->in, "logStreamNamePrefix", "");
    size_t max = (size_t)json_int(c->in, "limit", PAGE_MAX);
    CLEANUP(json_free) json_t *list = json_array();
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = logs_store_streams(c->tx, group->id, order, skip, &rows);
    if (err || !list)
        return err ? err : FAULT(ENOMEM);
    for (; (err = rows_next(rows)) == 0; skip++) {
        if (!str_starts(rows_str(rows, 0), str_of(prefix)))
            continue;
        if (json_array_size(list) == max) {
            err = json_put_format(c->out, "nextToken", "%" PRId64, skip);
            break;
        }
        if (json_array_append_new(list, stream_json(c, group_name, rows)))
            return FAULT(ENOMEM);
    }
    if (err && err != DB_NONE)
        return err;
    return json_put(c->out, "logStreams", take(list));
}

int logs_describe_log_streams(struct call *c)
{
    const char *name = logs_group_name(c);
    bool by_time = strcmp(json_str(c->in, "orderBy", "LogStreamName"), "LastEventTime") == 0;
    bool down = json_bool(c->in, "descending", false);
    if (by_time && json_object_get(c->in, "logStreamNamePrefix"))
        return call_fail(c, LOGS_E_INVALID, "Cannot order by LastEventTime with a logStreamNamePrefix.");
    int64_t skip = 0;
    const char *token = json_str(c->in, "nextToken", "0");
    if (!str_to_int(str_of(token), 0, INT32_MAX, &skip))
        return call_fail(c, LOGS_E_INVALID, "The specified nextToken is invalid: %s", token);
    struct log_group group;
    int err = log_group_find(c->tx, c->caller->account, name, &group, &c->reason);
    if (err)
        return err;
    enum log_stream_order order = by_time ? (down ? LOG_STREAMS_BY_TIME_DOWN : LOG_STREAMS_BY_TIME)
                                          : (down ? LOG_STREAMS_BY_NAME_DOWN : LOG_STREAMS_BY_NAME);
    return list_streams(c, &group, name, order, skip);
}
