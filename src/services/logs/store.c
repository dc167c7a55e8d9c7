/* SQL of logs. */
#include "services/logs/store.h"
#include "base/clock.h"
#include "base/id.h"

const struct db_migration logs_migrations[LOGS_MIGRATION_COUNT] = {
    {1,
     "CREATE TABLE logs_group ("
     " id BIGINT NOT NULL PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, created_ms BIGINT NOT NULL,"
     " retention_days BIGINT NOT NULL DEFAULT 0, tags TEXT);"
     "CREATE UNIQUE INDEX logs_group_name ON logs_group (account, name);"
     "CREATE TABLE logs_stream ("
     " id BIGINT NOT NULL PRIMARY KEY, group_id BIGINT NOT NULL, name TEXT NOT NULL, created_ms BIGINT NOT "
     "NULL,"
     " next_number BIGINT NOT NULL DEFAULT 1, first_ms BIGINT, last_ms BIGINT, ingested_ms BIGINT,"
     " bytes BIGINT NOT NULL DEFAULT 0);"
     "CREATE UNIQUE INDEX logs_stream_name ON logs_stream (group_id, name);"
     "CREATE INDEX logs_stream_time ON logs_stream (group_id, last_ms, name);"
     "CREATE TABLE logs_event ("
     " stream_id BIGINT NOT NULL, timestamp_ms BIGINT NOT NULL, number BIGINT NOT NULL, group_id BIGINT NOT "
     "NULL,"
     " ingested_ms BIGINT NOT NULL, message TEXT NOT NULL,"
     " PRIMARY KEY (stream_id, timestamp_ms, number));"
     "CREATE INDEX logs_event_group ON logs_event (group_id, timestamp_ms, stream_id, number);"},
};

/* Ids are random: no counter to contend for, on any engine. */
static int64_t new_id(void)
{
    uint64_t id = 0;
    id_random(&id, sizeof(id));
    return (int64_t)(id >> 1) | 1;
}

int logs_store_group_insert(struct tx *tx, const char *account, const char *name, const char *tags)
{
    return tx_exec(tx,
                   "INSERT INTO logs_group (id, account, name, created_ms, tags) VALUES ($1, $2, $3, $4, $5)",
                   "issis", new_id(), account, name, clock_now_ms(), tags);
}

int logs_store_group_find(struct tx *tx, const char *account, const char *name, struct log_group *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = tx_query_row(
        tx, &rows, "SELECT id, created_ms, retention_days FROM logs_group WHERE account = $1 AND name = $2",
        "ss", account, name);
    if (err)
        return err;
    *ret = (struct log_group){
        .id = rows_int(rows, 0), .created_ms = rows_int(rows, 1), .retention_days = rows_int(rows, 2)};
    return 0;
}

int logs_store_group_delete(struct tx *tx, int64_t group_id)
{
    int err = tx_exec(tx, "DELETE FROM logs_event WHERE group_id = $1", "i", group_id);
    if (!err)
        err = tx_exec(tx, "DELETE FROM logs_stream WHERE group_id = $1", "i", group_id);
    return err ? err : tx_exec(tx, "DELETE FROM logs_group WHERE id = $1", "i", group_id);
}

int logs_store_group_retain(struct tx *tx, int64_t group_id, int64_t days)
{
    return tx_exec(tx, "UPDATE logs_group SET retention_days = $2 WHERE id = $1", "ii", group_id, days);
}

int logs_store_groups(struct tx *tx, const char *account, const char *after, struct rows **ret)
{
    return tx_query(tx, ret,
                    "SELECT g.name, g.created_ms, g.retention_days,"
                    " (SELECT coalesce(sum(s.bytes), 0) FROM logs_stream s WHERE s.group_id = g.id)"
                    " FROM logs_group g WHERE g.account = $1 AND g.name > $2 ORDER BY g.name",
                    "ss", account, after);
}

int logs_store_stream_insert(struct tx *tx, int64_t group_id, const char *name)
{
    return tx_exec(tx, "INSERT INTO logs_stream (id, group_id, name, created_ms) VALUES ($1, $2, $3, $4)",
                   "iisi", new_id(), group_id, name, clock_now_ms());
}

int logs_store_stream_find(struct tx *tx, int64_t group_id, const char *name, struct log_stream *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err =
        tx_query_row(tx, &rows, "SELECT id, next_number FROM logs_stream WHERE group_id = $1 AND name = $2",
                     "is", group_id, name);
    if (err)
        return err;
    *ret = (struct log_stream){rows_int(rows, 0), rows_int(rows, 1)};
    return 0;
}

int logs_store_stream_delete(struct tx *tx, int64_t stream_id)
{
    int err = tx_exec(tx, "DELETE FROM logs_event WHERE stream_id = $1", "i", stream_id);
    return err ? err : tx_exec(tx, "DELETE FROM logs_stream WHERE id = $1", "i", stream_id);
}

int logs_store_stream_grow(struct tx *tx, int64_t stream_id, int64_t first_ms, int64_t last_ms,
                           int64_t events, int64_t bytes)
{
    return tx_exec(
        tx,
        "UPDATE logs_stream SET next_number = next_number + $4, bytes = bytes + $5, ingested_ms = $6,"
        " first_ms = CASE WHEN first_ms IS NULL OR first_ms > $2 THEN $2 ELSE first_ms END,"
        " last_ms = CASE WHEN last_ms IS NULL OR last_ms < $3 THEN $3 ELSE last_ms END"
        " WHERE id = $1",
        "iiiiii", stream_id, first_ms, last_ms, events, bytes, clock_now_ms());
}

#define STREAMS                                                                                              \
    "SELECT name, created_ms, first_ms, last_ms, ingested_ms, bytes FROM logs_stream WHERE group_id = $1"

int logs_store_streams(struct tx *tx, int64_t group_id, enum log_stream_order order, int64_t skip,
                       struct rows **ret)
{
    const int64_t most = 1 << 30;
    switch (order) {
    case LOG_STREAMS_BY_NAME:
        return tx_query(tx, ret, STREAMS " ORDER BY name LIMIT $3 OFFSET $2", "iii", group_id, skip, most);
    case LOG_STREAMS_BY_NAME_DOWN:
        return tx_query(tx, ret, STREAMS " ORDER BY name DESC LIMIT $3 OFFSET $2", "iii", group_id, skip,
                        most);
    case LOG_STREAMS_BY_TIME:
        return tx_query(tx, ret, STREAMS " ORDER BY last_ms, name LIMIT $3 OFFSET $2", "iii", group_id, skip,
                        most);
    case LOG_STREAMS_BY_TIME_DOWN:
        return tx_query(tx, ret, STREAMS " ORDER BY last_ms DESC, name DESC LIMIT $3 OFFSET $2", "iii",
                        group_id, skip, most);
    }
    return FAULT(EINVAL);
}

int logs_store_event_insert(struct tx *tx, int64_t group_id, const struct log_place *place,
                            const char *message, int64_t ingested_ms)
{
    return tx_exec(tx,
                   "INSERT INTO logs_event (stream_id, timestamp_ms, number, group_id, ingested_ms, message)"
                   " VALUES ($1, $2, $3, $4, $5, $6)",
                   "iiiiis", place->stream_id, place->timestamp_ms, place->number, group_id, ingested_ms,
                   message);
}

int logs_store_events_expire(struct tx *tx, int64_t stream_id, int64_t before_ms)
{
    return tx_exec(tx, "DELETE FROM logs_event WHERE stream_id = $1 AND timestamp_ms < $2", "ii", stream_id,
                   before_ms);
}

#define EVENTS                                                                                               \
    "SELECT timestamp_ms, number, message, ingested_ms FROM logs_event"                                      \
    " WHERE stream_id = $1 AND timestamp_ms >= $4 AND timestamp_ms < $5"

int logs_store_events(struct tx *tx, int64_t stream_id, bool up, const struct log_place *place,
                      int64_t from_ms, int64_t to_ms, struct rows **ret)
{
    if (up)
        return tx_query(tx, ret,
                        EVENTS " AND (timestamp_ms, number) > ($2, $3) ORDER BY timestamp_ms, number",
                        "iiiii", stream_id, place->timestamp_ms, place->number, from_ms, to_ms);
    return tx_query(tx, ret,
                    EVENTS " AND (timestamp_ms, number) < ($2, $3) ORDER BY timestamp_ms DESC, number DESC",
                    "iiiii", stream_id, place->timestamp_ms, place->number, from_ms, to_ms);
}

int logs_store_group_events(struct tx *tx, int64_t group_id, const struct log_place *place, int64_t from_ms,
                            int64_t to_ms, struct rows **ret)
{
    return tx_query(tx, ret,
                    "SELECT e.timestamp_ms, e.number, e.message, e.ingested_ms, e.stream_id, s.name"
                    " FROM logs_event e JOIN logs_stream s ON s.id = e.stream_id"
                    " WHERE e.group_id = $1 AND (e.timestamp_ms, e.stream_id, e.number) > ($2, $3, $4)"
                    " AND e.timestamp_ms >= $5 AND e.timestamp_ms <= $6"
                    " ORDER BY e.timestamp_ms, e.stream_id, e.number",
                    "iiiiii", group_id, place->timestamp_ms, place->stream_id, place->number, from_ms, to_ms);
}
