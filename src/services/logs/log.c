/* Groups, streams, and what may be put into them. */
#include "services/logs/logs.h"
#include "base/clock.h"
#include "base/hash.h"
#include "services/logs/store.h"
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>

#define HOUR_MS ((int64_t)60 * 60 * 1000)
#define DAY_MS (24 * HOUR_MS)
#define TOO_NEW_MS (2 * HOUR_MS)
#define TOO_OLD_MS (14 * DAY_MS)

static const int64_t retention_days[] = {1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                         365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};

int log_group_create(struct tx *tx, const char *account, const char *name, const json_t *tags,
                     struct reason *why)
{
    CLEANUP(free_ptr) char *text = tags ? json_text(tags) : NULL;
    if (tags && !text)
        return FAULT(ENOMEM);
    int err = logs_store_group_insert(tx, account, name, text);
    return err == DB_EXISTS
               ? reason_set(why, LOGS_E_EXISTS, "The specified log group already exists: %s", name)
               : err;
}

int log_group_find(struct tx *tx, const char *account, const char *name, struct log_group *ret,
                   struct reason *why)
{
    int err = logs_store_group_find(tx, account, name, ret);
    log_topic(account, name, ret->topic);
    return err == DB_NONE
               ? reason_set(why, LOGS_E_NOT_FOUND, "The specified log group does not exist: %s", name)
               : err;
}

int log_group_delete(struct tx *tx, const char *account, const char *name, struct reason *why)
{
    struct log_group group;
    int err = log_group_find(tx, account, name, &group, why);
    return err ? err : logs_store_group_delete(tx, group.id);
}

int log_group_retain(struct tx *tx, const char *account, const char *name, int64_t days, struct reason *why)
{
    struct log_group group;
    int err = log_group_find(tx, account, name, &group, why);
    if (err)
        return err;
    bool known = days == 0;
    for (size_t i = 0; i < ARRAY_LEN(retention_days); i++)
        known = known || retention_days[i] == days;
    if (!known)
        return reason_set(why, LOGS_E_INVALID,
                          "1 validation error detected: Value '%" PRId64
                          "' at 'retentionInDays' failed to satisfy "
                          "constraint: Member must be one of the periods 1, 3, 5, 7, 14, 30, 60, 90, … 3653.",
                          days);
    return logs_store_group_retain(tx, group.id, days);
}

int log_stream_create(struct tx *tx, const struct log_group *group, const char *name, struct reason *why)
{
    int err = logs_store_stream_insert(tx, group->id, name);
    return err == DB_EXISTS
               ? reason_set(why, LOGS_E_EXISTS, "The specified log stream already exists: %s", name)
               : err;
}

int log_stream_find(struct tx *tx, const struct log_group *group, const char *name, struct log_stream *ret,
                    struct reason *why)
{
    int err = logs_store_stream_find(tx, group->id, name, ret);
    return err == DB_NONE
               ? reason_set(why, LOGS_E_NOT_FOUND, "The specified log stream does not exist: %s", name)
               : err;
}

int log_stream_delete(struct tx *tx, const struct log_group *group, const char *name, struct reason *why)
{
    struct log_stream stream;
    int err = log_stream_find(tx, group, name, &stream, why);
    return err ? err : logs_store_stream_delete(tx, stream.id);
}

void log_topic(const char *account, const char *group, char ret[LOGS_TOPIC_SIZE])
{
    /* A group's name may be longer than a topic: its digest stands for it. */
    char digest[HASH_HEX_SIZE];
    hash_sha256_hex(str_of(group), digest);
    snprintf(ret, LOGS_TOPIC_SIZE, "logs:%s:%.32s", account, digest);
}

int64_t log_cutoff_ms(const struct log_group *group)
{
    return group->retention_days ? clock_now_ms() - group->retention_days * DAY_MS : 0;
}

static int check_batch(const json_t *events, struct reason *why)
{
    size_t bytes = 0;
    size_t index;
    json_t *event;
    int64_t first = 0;
    int64_t last = 0;
    json_array_foreach (events, index, event) {
        int64_t timestamp = json_int(event, "timestamp", 0);
        size_t len = json_string_length(json_object_get(event, "message"));
        if (len > LOGS_MESSAGE_MAX_BYTES - LOGS_EVENT_OVERHEAD)
            return reason_set(why, LOGS_E_INVALID, "Log event too large: %zu bytes exceeds limit of %d",
                              len + LOGS_EVENT_OVERHEAD, LOGS_MESSAGE_MAX_BYTES);
        if (index && timestamp < last)
            return reason_set(why, LOGS_E_INVALID,
                              "Log events in a single PutLogEvents request must be in chronological order.");
        first = index ? first : timestamp;
        last = timestamp;
        bytes += len + LOGS_EVENT_OVERHEAD;
    }
    if (bytes > LOGS_BATCH_MAX_BYTES)
        return reason_set(why, LOGS_E_INVALID, "Upload too large: %zu bytes exceeds limit of %d", bytes,
                          LOGS_BATCH_MAX_BYTES);
    if (last - first > DAY_MS)
        return reason_set(
            why, LOGS_E_INVALID,
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
    return 0;
}

/* The batch is in order of time: what is refused is a head (too old) and a tail (too new). */
static void sort_out(const struct log_group *group, const json_t *events, int64_t now,
                     struct log_rejected *ret)
{
    *ret = (struct log_rejected){-1, -1, -1};
    int64_t cutoff = log_cutoff_ms(group);
    size_t index;
    json_t *event;
    json_array_foreach (events, index, event) {
        int64_t timestamp = json_int(event, "timestamp", 0);
        if (timestamp < now - TOO_OLD_MS)
            ret->too_old_end = (int64_t)index + 1;
        if (timestamp < cutoff)
            ret->expired_end = (int64_t)index + 1;
        if (timestamp > now + TOO_NEW_MS && ret->too_new_start < 0)
            ret->too_new_start = (int64_t)index;
    }
}

int log_put(struct tx *tx, const struct log_group *group, const struct log_stream *stream,
            const json_t *events, struct log_rejected *ret, struct reason *why)
{
    int err = check_batch(events, why);
    if (err)
        return err;
    int64_t now = clock_now_ms();
    sort_out(group, events, now, ret);
    size_t from = (size_t)(ret->too_old_end > ret->expired_end ? ret->too_old_end : ret->expired_end);
    size_t to = ret->too_new_start >= 0 ? (size_t)ret->too_new_start : json_array_size(events);
    from = ret->too_old_end < 0 && ret->expired_end < 0 ? 0 : from;
    if (from >= to)
        return 0;
    struct log_place place = {.stream_id = stream->id, .number = stream->next_number};
    int64_t first_ms = json_int(json_array_get(events, from), "timestamp", 0);
    int64_t bytes = 0;
    for (size_t i = from; i < to; i++, place.number++) {
        const json_t *event = json_array_get(events, i);
        const json_t *message = json_object_get(event, "message");
        place.timestamp_ms = json_int(event, "timestamp", 0);
        err = logs_store_event_insert(tx, group->id, &place, json_string_value(message), now);
        if (err)
            return err;
        bytes += (int64_t)json_string_length(message) + LOGS_EVENT_OVERHEAD;
    }
    err = logs_store_stream_grow(tx, stream->id, first_ms, place.timestamp_ms, (int64_t)(to - from), bytes);
    if (!err && group->retention_days)
        err = logs_store_events_expire(tx, stream->id, log_cutoff_ms(group));
    tx_wake(tx, "%s", group->topic);
    return err;
}
