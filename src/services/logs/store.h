/* logs' tables: logs_group, logs_stream, logs_event. */
#pragma once

#include "services/logs/logs.h"

#define LOGS_MIGRATION_COUNT 1
extern const struct db_migration logs_migrations[LOGS_MIGRATION_COUNT];

struct log_place {
    int64_t timestamp_ms;
    int64_t stream_id;
    int64_t number;
};

int logs_store_group_insert(struct tx *tx, const char *account, const char *name, const char *tags) MUST_USE;
int logs_store_group_find(struct tx *tx, const char *account, const char *name,
                          struct log_group *ret) MUST_USE;
int logs_store_group_delete(struct tx *tx, int64_t group_id) MUST_USE;
int logs_store_group_retain(struct tx *tx, int64_t group_id, int64_t days) MUST_USE;
/* name, created_ms, retention_days, stored bytes of groups after `after`, in order of names. */
int logs_store_groups(struct tx *tx, const char *account, const char *after, struct rows **ret) MUST_USE;

int logs_store_stream_insert(struct tx *tx, int64_t group_id, const char *name) MUST_USE;
int logs_store_stream_find(struct tx *tx, int64_t group_id, const char *name,
                           struct log_stream *ret) MUST_USE;
int logs_store_stream_delete(struct tx *tx, int64_t stream_id) MUST_USE;
/* After a batch: its first and last time, how many events and bytes it added. */
int logs_store_stream_grow(struct tx *tx, int64_t stream_id, int64_t first_ms, int64_t last_ms,
                           int64_t events, int64_t bytes) MUST_USE;

enum log_stream_order {
    LOG_STREAMS_BY_NAME,
    LOG_STREAMS_BY_NAME_DOWN,
    LOG_STREAMS_BY_TIME,
    LOG_STREAMS_BY_TIME_DOWN
};
/* name, created_ms, first_ms, last_ms, ingested_ms, bytes (the times NULL without events), from `skip` on. */
int logs_store_streams(struct tx *tx, int64_t group_id, enum log_stream_order order, int64_t skip,
                       struct rows **ret) MUST_USE;

int logs_store_event_insert(struct tx *tx, int64_t group_id, const struct log_place *place,
                            const char *message, int64_t ingested_ms) MUST_USE;
int logs_store_events_expire(struct tx *tx, int64_t stream_id, int64_t before_ms) MUST_USE;
/* timestamp, number, message, ingested_ms of one stream's events in [from_ms, to_ms), beyond `place`
 * (exclusive) upwards or downwards. */
int logs_store_events(struct tx *tx, int64_t stream_id, bool up, const struct log_place *place,
                      int64_t from_ms, int64_t to_ms, struct rows **ret) MUST_USE;
/* timestamp, number, message, ingested_ms, stream id, stream name of a group's events in [from_ms, to_ms],
 * after `place`, in order of place. */
int logs_store_group_events(struct tx *tx, int64_t group_id, const struct log_place *place, int64_t from_ms,
                            int64_t to_ms, struct rows **ret) MUST_USE;
