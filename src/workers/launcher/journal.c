/* See journal.h. */
#include "workers/launcher/journal.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/mem.h"
#include "wire/json.h"
#include "wire/time.h"
#include "workers/call.h"
#include <stdio.h>

/* PutLogEvents: 10,000 events of 1,048,576 bytes, each 26 more than its message, within 24 hours. */
#define CHUNK_EVENTS 1000
#define CHUNK_BYTES 1000000
#define CHUNK_SPAN_MS (INT64_C(23) * 3600 * 1000)
#define EVENT_OVERHEAD 26

struct journal {
    struct aws_client *client;
    char stream[64];
};

/* Makes what may be there already. */
static int ensure(struct aws_client *client, const char *operation, json_t *in, struct reason *why)
{
    struct aws_error error = {0};
    int r = work_call(client, "logs", operation, in, NULL, &error, why);

    return r == WORK_E_FAILED && strcmp(error.code, "ResourceAlreadyExistsException") == 0 ? 0 : r;
}

int journal_new(struct aws_client *client, struct journal **ret, struct reason *why)
{
    CLEANUP(journal_free) struct journal *journal = mem_alloc(sizeof(*journal));
    char day[TIME_TEXT_SIZE], random[9];
    int r;

    if (!journal)
        return FAULT(ENOMEM);
    journal->client = client;
    time_iso8601_s(clock_now_ms(), day);
    id_hex(random, 8);
    snprintf(journal->stream, sizeof(journal->stream), "%.10s-%s", day, random);
    r = ensure(client, "CreateLogGroup", json_pack("{s:s}", "logGroupName", JOURNAL_GROUP), why);
    if (r == 0)
        r = ensure(client, "CreateLogStream",
                   json_pack("{s:s, s:s}", "logGroupName", JOURNAL_GROUP, "logStreamName", journal->stream),
                   why);
    if (r == 0)
        *ret = take(journal);
    return r;
}

void journal_free(struct journal **journal)
{
    free(*journal);
    *journal = NULL;
}

int journal_event(json_t *record, json_t **ret)
{
    CLEANUP(json_free) json_t *owned = record;
    CLEANUP(free_ptr) char *line = NULL;
    char time[TIME_TEXT_SIZE];
    int64_t now_ms = clock_now_ms();

    time_iso8601(now_ms, time);
    if (!owned || json_put_str(owned, "time", time))
        return FAULT(ENOMEM);
    line = json_text(owned);
    *ret = line ? json_pack("{s:I, s:s}", "timestamp", (json_int_t)now_ms, "message", line) : NULL;
    return *ret ? 0 : FAULT(ENOMEM);
}

/* By their time, as PutLogEvents takes them; NULL when out of memory. */
static json_t *sorted(const json_t *events)
{
    CLEANUP(json_free) json_t *list = json_array();
    const json_t *event;
    size_t i;

    json_array_foreach (events, i, event) {
        size_t at = json_array_size(list);

        while (at > 0 &&
               json_int(json_array_get(list, at - 1), "timestamp", 0) > json_int(event, "timestamp", 0))
            at--;
        if (json_array_insert(list, at, (json_t *)event))
            return NULL;
    }
    return take(list);
}

/* How many of the first fit into one request. */
static size_t chunk_size(const json_t *events)
{
    int64_t bytes = 0, first_ms = json_int(json_array_get(events, 0), "timestamp", 0);
    const json_t *event;
    size_t i;

    json_array_foreach (events, i, event) {
        bytes += (int64_t)json_string_length(json_object_get(event, "message")) + EVENT_OVERHEAD;
        if (i > 0 && (i == CHUNK_EVENTS || bytes > CHUNK_BYTES ||
                      json_int(event, "timestamp", 0) - first_ms > CHUNK_SPAN_MS))
            break;
    }
    return i;
}

static int chunk_put(struct journal *journal, json_t *events, struct reason *why)
{
    size_t count = chunk_size(events);
    CLEANUP(json_free) json_t *chunk = json_array();
    json_t *in;
    int r;

    for (size_t i = 0; i < count; i++)
        if (json_array_append(chunk, json_array_get(events, i)))
            return FAULT(ENOMEM);
    in = json_pack("{s:s, s:s, s:O}", "logGroupName", JOURNAL_GROUP, "logStreamName", journal->stream,
                   "logEvents", chunk);
    r = in ? work_call(journal->client, "logs", "PutLogEvents", in, NULL, NULL, why) : FAULT(ENOMEM);
    for (size_t i = 0; r == 0 && i < count; i++)
        json_array_remove(events, 0);
    return r;
}

int journal_put(struct journal *journal, json_t *events, struct reason *why)
{
    CLEANUP(json_free) json_t *list = sorted(events);
    int r = list ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; r == 0 && i < json_array_size(list); i++)
        if (json_array_set(events, i, json_array_get(list, i)))
            r = FAULT(EINVAL);
    while (r == 0 && json_array_size(events) > 0)
        r = chunk_put(journal, events, why);
    return r;
}
