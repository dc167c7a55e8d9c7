/* PutLogEvents, GetLogEvents, FilterLogEvents.
 *
 * GetLogEvents' tokens are places in the stream: f/TIME/NUMBER reads what comes after, b/TIME/NUMBER what was
 * before; at an end the same token comes back. FilterLogEvents' token is a place in the group,
 * TIME/STREAM/NUMBER. A caller that waits (X-Slipway-Wait) is answered when there is something to read. */
#include "services/logs/api.h"
#include "services/logs/filter_pattern.h"
#include "services/logs/store.h"
#include "services/service.h"

#include <inttypes.h>

#define EVENTS_MAX 10000
#define REPLY_MAX_BYTES 1048576
#define SCAN_MAX 50000 /* rows that one FilterLogEvents looks at before it answers with a token */

const char *logs_group_name(struct call *c)
{
    const char *name = json_str(c->in, "logGroupName", NULL);
    if (name)
        return name;
    const char *identifier = json_str(c->in, "logGroupIdentifier", "");
    const char *in_arn = strstr(identifier, ":log-group:");
    return in_arn ? in_arn + strlen(":log-group:") : identifier;
}

int logs_put_log_events(struct call *c)
{
    struct log_group group;
    struct log_stream stream;
    int err =
        log_group_find(c->tx, c->caller->account, json_str(c->in, "logGroupName", ""), &group, &c->reason);
    if (!err)
        err = log_stream_find(c->tx, &group, json_str(c->in, "logStreamName", ""), &stream, &c->reason);
    if (err)
        return err;
    struct log_rejected rejected;
    err = log_put(c->tx, &group, &stream, json_object_get(c->in, "logEvents"), &rejected, &c->reason);
    if (err)
        return err;
    const struct {
        const char *name;
        int64_t index;
    } parts[] = {{"tooNewLogEventStartIndex", rejected.too_new_start},
                 {"tooOldLogEventEndIndex", rejected.too_old_end},
                 {"expiredLogEventEndIndex", rejected.expired_end}};
    CLEANUP(json_free) json_t *info = json_object();
    for (size_t i = 0; !err && i < ARRAY_LEN(parts); i++)
        if (parts[i].index >= 0)
            err = json_put_int(info, parts[i].name, parts[i].index);
    if (!err && json_object_size(info) > 0)
        err = json_put(c->out, "rejectedLogEventsInfo", take(info));
    return err ? err : json_put_format(c->out, "nextSequenceToken", "%056" PRId64, stream.next_number);
}

/* "12/34/56" into numbers; false when there are not exactly `count`. */
static bool read_numbers(struct str text, int64_t *numbers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!text.ptr || !str_to_int(str_split(&text, '/'), INT64_MIN, INT64_MAX, &numbers[i]))
            return false;
    return !text.ptr;
}

struct get_request {
    bool up;
    bool reverse; /* read downwards, shown upwards */
    struct log_place start;
    int64_t from_ms, to_ms;
    size_t max;
};

static int read_get(struct call *c, const struct log_group *group, struct get_request *ret)
{
    *ret = (struct get_request){
        .from_ms = json_int(c->in, "startTime", 0),
        .to_ms = json_int(c->in, "endTime", INT64_MAX),
        .max = (size_t)json_int(c->in, "limit", EVENTS_MAX),
    };
    int64_t cutoff = log_cutoff_ms(group);
    ret->from_ms = ret->from_ms > cutoff ? ret->from_ms : cutoff;
    const char *token = json_str(c->in, "nextToken", NULL);
    ret->up = json_bool(c->in, "startFromHead", false);
    ret->start = (struct log_place){.timestamp_ms = -1};
    if (!ret->up)
        ret->start = (struct log_place){.timestamp_ms = INT64_MAX, .number = INT64_MAX};
    if (token) {
        int64_t numbers[2];
        if ((*token != 'f' && *token != 'b') || token[1] != '/' ||
            !read_numbers(str_of(token + 2), numbers, 2))
            return call_fail(c, LOGS_E_INVALID, "The specified nextToken is invalid: %s", token);
        ret->up = *token == 'f';
        ret->start = (struct log_place){.timestamp_ms = numbers[0], .number = numbers[1]};
    }
    ret->reverse = !ret->up;
    return 0;
}

/* Reads the page into `list`, in order of time; *ret_first and *ret_last are its ends (as given when empty).
 */
static int read_page(struct call *c, const struct log_stream *stream, const struct get_request *request,
                     json_t *list, struct log_place *ret_first, struct log_place *ret_last)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = logs_store_events(c->tx, stream->id, request->up, &request->start, request->from_ms,
                                request->to_ms, &rows);
    if (err)
        return err;
    size_t bytes = 0;
    while (json_array_size(list) < request->max && (err = rows_next(rows)) == 0) {
        bytes += rows_str(rows, 2).len + LOGS_EVENT_OVERHEAD;
        if (bytes > REPLY_MAX_BYTES && json_array_size(list) > 0)
            break;
        json_t *event = json_pack("{s:I, s:s, s:I}", "timestamp", (json_int_t)rows_int(rows, 0), "message",
                                  rows_text(rows, 2), "ingestionTime", (json_int_t)rows_int(rows, 3));
        struct log_place place = {.timestamp_ms = rows_int(rows, 0), .number = rows_int(rows, 1)};
        bool first = json_array_size(list) == 0;
        if (first || request->reverse)
            *ret_first = place;
        if (first || !request->reverse)
            *ret_last = place;
        if (json_array_append_new(list, event))
            return FAULT(ENOMEM);
    }
    return err > 0 ? 0 : err;
}

static int put_turned(struct call *c, json_t *list, bool turn)
{
    CLEANUP(json_free) json_t *owned = list;
    if (!turn)
        return json_put(c->out, "events", take(owned));
    CLEANUP(json_free) json_t *turned = json_array();
    for (size_t i = json_array_size(owned); i > 0; i--)
        if (json_array_append(turned, json_array_get(owned, i - 1)))
            return FAULT(ENOMEM);
    return json_put(c->out, "events", take(turned));
}

int logs_get_log_events(struct call *c)
{
    const char *group_name = logs_group_name(c);
    char topic[LOGS_TOPIC_SIZE];
    log_topic(c->caller->account, group_name, topic);
    struct log_group group;
    struct log_stream stream;
    struct get_request request;
    int err = log_group_find(c->tx, c->caller->account, group_name, &group, &c->reason);
    if (!err)
        err = log_stream_find(c->tx, &group, json_str(c->in, "logStreamName", ""), &stream, &c->reason);
    if (!err)
        err = read_get(c, &group, &request);
    CLEANUP(json_free) json_t *list = json_array();
    if (err || !list)
        return err ? err : FAULT(ENOMEM);
    struct log_place first = request.start;
    struct log_place last = request.start;
    if (!request.up && !json_object_get(c->in, "nextToken"))
        last = (struct log_place){.timestamp_ms = -1};
    err = read_page(c, &stream, &request, list, &first, &last);
    if (!err && request.up && json_array_size(list) == 0 && call_wait_ms(c) > 0)
        err = call_wait(c, call_wait_ms(c), topic);
    if (!err)
        err = json_put_format(c->out, "nextForwardToken", "f/%" PRId64 "/%" PRId64, last.timestamp_ms,
                              last.number);
    if (!err)
        err = json_put_format(c->out, "nextBackwardToken", "b/%" PRId64 "/%" PRId64, first.timestamp_ms,
                              first.number);
    return err ? err : put_turned(c, take(list), request.reverse);
}

/* ---- FilterLogEvents */

struct filter_request {
    struct filter_pattern pattern;
    const json_t *streams; /* names, or NULL */
    const char *prefix;    /* "" : any */
    int64_t from_ms, to_ms;
    size_t max;
    struct log_place after;
};

static int read_filter(struct call *c, const struct log_group *group, struct filter_request *ret)
{
    ret->streams = json_object_get(c->in, "logStreamNames");
    ret->prefix = json_str(c->in, "logStreamNamePrefix", "");
    ret->from_ms = json_int(c->in, "startTime", 0);
    ret->to_ms = json_int(c->in, "endTime", INT64_MAX);
    ret->max = (size_t)json_int(c->in, "limit", EVENTS_MAX);
    ret->after = (struct log_place){.timestamp_ms = -1};
    int64_t cutoff = log_cutoff_ms(group);
    ret->from_ms = ret->from_ms > cutoff ? ret->from_ms : cutoff;
    if (ret->streams && *ret->prefix)
        return call_fail(c, LOGS_E_INVALID,
                         "logStreamNames and logStreamNamePrefix cannot be given in the same request.");
    const char *token = json_str(c->in, "nextToken", NULL);
    int64_t numbers[3];
    if (token && !read_numbers(str_of(token), numbers, 3))
        return call_fail(c, LOGS_E_INVALID, "The specified nextToken is invalid: %s", token);
    if (token)
        ret->after = (struct log_place){numbers[0], numbers[1], numbers[2]};
    int err = filter_pattern_parse(c->arena, str_of(json_str(c->in, "filterPattern", "")), &ret->pattern,
                                   &c->reason);
    return err == FILTER_PATTERN_E_BAD ? LOGS_E_INVALID : err;
}

static bool wanted(const struct filter_request *request, struct str stream, struct str message)
{
    if (!str_starts(stream, str_of(request->prefix)))
        return false;
    bool named = !request->streams;
    for (size_t i = 0; !named && i < json_array_size(request->streams); i++)
        named = str_eqc(stream, json_string_value(json_array_get(request->streams, i)));
    return named && filter_pattern_matches(&request->pattern, message);
}

static json_t *filtered_json(struct rows *rows)
{
    json_t *event = json_pack("{s:s, s:I, s:s, s:I}", "logStreamName", rows_text(rows, 5), "timestamp",
                              (json_int_t)rows_int(rows, 0), "message", rows_text(rows, 2), "ingestionTime",
                              (json_int_t)rows_int(rows, 3));
    if (event && json_put_format(event, "eventId", "%019" PRId64 "%019" PRId64 "%018" PRId64,
                                 rows_int(rows, 0), rows_int(rows, 4), rows_int(rows, 1)) == 0)
        return event;
    json_decref(event);
    return NULL;
}

/* One page; *ret_more tells that it ended before the group's last event. */
static int filter_page(struct call *c, const struct log_group *group, struct filter_request *request,
                       json_t *list, bool *ret_more)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err =
        logs_store_group_events(c->tx, group->id, &request->after, request->from_ms, request->to_ms, &rows);
    size_t bytes = 0;
    size_t scanned = 0;
    *ret_more = false;
    while (!err && (err = rows_next(rows)) == 0) {
        bool fits = json_array_size(list) < request->max && scanned++ < SCAN_MAX;
        bool take_it = fits && wanted(request, rows_str(rows, 5), rows_str(rows, 2));
        bytes += take_it ? rows_str(rows, 2).len + LOGS_EVENT_OVERHEAD : 0;
        if (!fits || (bytes > REPLY_MAX_BYTES && json_array_size(list) > 0)) {
            *ret_more = true;
            return 0;
        }
        request->after = (struct log_place){rows_int(rows, 0), rows_int(rows, 4), rows_int(rows, 1)};
        if (take_it && json_array_append_new(list, filtered_json(rows)))
            return FAULT(ENOMEM);
    }
    return err > 0 ? 0 : err;
}

int logs_filter_log_events(struct call *c)
{
    const char *group_name = logs_group_name(c);
    char topic[LOGS_TOPIC_SIZE];
    log_topic(c->caller->account, group_name, topic);
    struct log_group group;
    struct filter_request *request = arena_alloc(c->arena, sizeof(*request));
    CLEANUP(json_free) json_t *list = json_array();
    if (!request || !list)
        return FAULT(ENOMEM);
    int err = log_group_find(c->tx, c->caller->account, group_name, &group, &c->reason);
    if (!err)
        err = read_filter(c, &group, request);
    bool more = false;
    if (!err)
        err = filter_page(c, &group, request, list, &more);
    if (!err && !more && json_array_size(list) == 0 && call_wait_ms(c) > 0)
        err = call_wait(c, call_wait_ms(c), topic);
    if (!err && more)
        err = json_put_format(c->out, "nextToken", "%" PRId64 "/%" PRId64 "/%" PRId64,
                              request->after.timestamp_ms, request->after.stream_id, request->after.number);
    if (!err)
        err = json_put(c->out, "searchedLogStreams", json_array());
    return err ? err : json_put(c->out, "events", take(list));
}
