/* See usage.h. */
#include "services/s3/usage.h"
#include "services/s3/s3.h"
#include <inttypes.h>
#include <stdio.h>

#define COLUMNS "account, objects, bytes, coalesce(objects_max, -1), coalesce(bytes_max, -1)"

static void read_row(struct rows *rows, struct usage *ret)
{
    (void)snprintf(ret->account, sizeof(ret->account), "%s", rows_text(rows, 0));
    ret->objects = rows_int(rows, 1);
    ret->bytes = rows_int(rows, 2);
    ret->objects_max = rows_int(rows, 3);
    ret->bytes_max = rows_int(rows, 4);
}

static int refuse(const struct usage *usage, const char *what, int64_t would, int64_t max, struct reason *why)
{
    return reason_set(
        why, S3_E_QUOTA,
        "Account %s would keep %" PRId64 " %s, and its quota is %" PRId64
        ". Delete objects or old versions, or ask the platform team for more (slipway bucket quota).",
        usage->account, would, what, max);
}

int usage_fits(const struct usage *usage, int64_t bytes, struct reason *why)
{
    bool over = usage->bytes_max >= 0 && usage->bytes + bytes > usage->bytes_max;
    return over ? refuse(usage, "bytes", usage->bytes + bytes, usage->bytes_max, why) : 0;
}

static int begin(struct tx *tx, const char *account, int64_t objects, int64_t bytes)
{
    return tx_exec(tx, "INSERT INTO s3_usage (account, objects, bytes) VALUES ($1, $2, $3)", "sii", account,
                   objects, bytes);
}

/* Nothing was added: it is the account's first, or too much. */
static int begin_or_refuse(struct tx *tx, const char *account, int64_t objects, int64_t bytes,
                           struct reason *why)
{
    struct usage now;
    int rc = begin(tx, account, objects, bytes);
    if (rc != DB_EXISTS)
        return rc;
    rc = usage_load(tx, account, &now);
    if (rc != 0)
        return rc;
    if (objects > 0 && now.objects_max >= 0 && now.objects + objects > now.objects_max)
        return refuse(&now, "objects", now.objects + objects, now.objects_max, why);
    return usage_fits(&now, bytes, why);
}

int usage_add(struct tx *tx, const char *account, int64_t objects, int64_t bytes, struct reason *why)
{
    int rc = tx_exec(tx,
                     "UPDATE s3_usage SET objects = objects + $2, bytes = bytes + $3 WHERE account = $1"
                     " AND ($2 <= 0 OR objects_max IS NULL OR objects + $2 <= objects_max)"
                     " AND ($3 <= 0 OR bytes_max IS NULL OR bytes + $3 <= bytes_max)",
                     "sii", account, objects, bytes);
    return rc == 0 && tx_changes(tx) == 0 ? begin_or_refuse(tx, account, objects, bytes, why) : rc;
}

int usage_replace(struct tx *tx, const char *account, int64_t old_bytes, int64_t bytes, struct reason *why)
{
    struct usage now;
    int rc = tx_exec(tx,
                     "UPDATE s3_usage SET bytes = bytes - $2 + $3 WHERE account = $1"
                     " AND (objects_max IS NULL OR objects <= objects_max)"
                     " AND ($3 = 0 OR bytes_max IS NULL OR bytes - $2 + $3 <= bytes_max)",
                     "sii", account, old_bytes, bytes);
    if (rc != 0 || tx_changes(tx) > 0)
        return rc;
    rc = usage_load(tx, account, &now);
    if (rc != 0)
        return rc;
    if (now.objects_max >= 0 && now.objects > now.objects_max)
        return refuse(&now, "objects", now.objects, now.objects_max, why);
    return usage_fits(&now, bytes - old_bytes, why);
}

int usage_load(struct tx *tx, const char *account, struct usage *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows, "SELECT " COLUMNS " FROM s3_usage WHERE account = $1", "s", account);
    *ret = (struct usage){.objects_max = -1, .bytes_max = -1};
    (void)snprintf(ret->account, sizeof(ret->account), "%s", account);
    if (rc == 0)
        read_row(rows, ret);
    return rc == DB_NONE ? 0 : rc;
}

int usage_next(struct tx *tx, const char *after, struct usage *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(tx, &rows,
                          "SELECT " COLUMNS " FROM s3_usage WHERE account > $1 ORDER BY account LIMIT 1", "s",
                          after);
    if (rc == 0)
        read_row(rows, ret);
    return rc;
}

int usage_limit(struct tx *tx, const char *account, int64_t objects_max, int64_t bytes_max)
{
    return tx_exec(tx,
                   "INSERT INTO s3_usage (account, objects, bytes, objects_max, bytes_max)"
                   " VALUES ($1, 0, 0, nullif($2, -1), nullif($3, -1)) ON CONFLICT (account) DO UPDATE SET"
                   " objects_max = excluded.objects_max, bytes_max = excluded.bytes_max",
                   "sii", account, objects_max, bytes_max);
}
