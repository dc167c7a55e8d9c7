/* Log groups, streams and events: the domain.
 *
 * Functions run inside the caller's transaction. Times are milliseconds since the epoch. An event's place is
 * (timestamp, stream, number): numbers are given in the order of arrival within a stream.
 * Source: CloudWatch Logs API Reference (2014-03-28). */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "db/db.h"
#include <jansson.h>

enum logs_outcome {
    LOGS_E_NOT_FOUND = 1,
    LOGS_E_EXISTS,
    LOGS_E_INVALID,
};

#define LOGS_BATCH_MAX_BYTES 1048576
#define LOGS_EVENT_OVERHEAD 26
#define LOGS_MESSAGE_MAX_BYTES (256 * 1024)
#define LOGS_TOPIC_SIZE 64

struct log_group {
    int64_t id;
    int64_t created_ms;
    int64_t retention_days; /* 0: for ever */
    char topic[LOGS_TOPIC_SIZE];
};

struct log_stream {
    int64_t id;
    int64_t next_number;
};

/* LOGS_E_EXISTS. `tags`: an object of strings, or NULL. */
int log_group_create(struct tx *tx, const char *account, const char *name, const json_t *tags,
                     struct reason *why) MUST_USE;
/* LOGS_E_NOT_FOUND. */
int log_group_find(struct tx *tx, const char *account, const char *name, struct log_group *ret,
                   struct reason *why) MUST_USE;
int log_group_delete(struct tx *tx, const char *account, const char *name, struct reason *why) MUST_USE;
/* `days` 0 keeps events for ever; else one of AWS's periods: LOGS_E_INVALID. */
int log_group_retain(struct tx *tx, const char *account, const char *name, int64_t days,
                     struct reason *why) MUST_USE;

int log_stream_create(struct tx *tx, const struct log_group *group, const char *name,
                      struct reason *why) MUST_USE;
int log_stream_find(struct tx *tx, const struct log_group *group, const char *name, struct log_stream *ret,
                    struct reason *why) MUST_USE;
int log_stream_delete(struct tx *tx, const struct log_group *group, const char *name,
                      struct reason *why) MUST_USE;

/* What of a batch was not taken, as indexes into it; -1: nothing. */
struct log_rejected {
    int64_t too_new_start;
    int64_t too_old_end;
    int64_t expired_end;
};

/* Appends [{"timestamp", "message"}], in order of time, and wakes who waits for the stream and the group.
 * LOGS_E_INVALID: out of order, too large, or spanning more than 24 hours. */
int log_put(struct tx *tx, const struct log_group *group, const struct log_stream *stream,
            const json_t *events, struct log_rejected *ret, struct reason *why) MUST_USE;

/* The topic that is signalled when a stream of the group has new events. */
void log_topic(const char *account, const char *group, char ret[LOGS_TOPIC_SIZE]);
/* Events before this time are no longer shown. */
int64_t log_cutoff_ms(const struct log_group *group);
