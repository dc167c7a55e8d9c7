/* Forward-only migrations: slipway_schema holds each schema's version. All that is missing is applied in one
 * transaction, after every schema has been checked not to be ahead. */
#include "db/db.h"
#include "db/store.h"

static int version_of(struct tx *tx, const char *name, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT version FROM slipway_schema WHERE name = $1", "s", name);
    if (r == 0)
        *ret = rows_int(rows, 0);
    else if (r == DB_NONE)
        *ret = 0;
    return r == DB_NONE ? 0 : r;
}

static int apply(struct tx *tx, const struct db_schema *schema, int64_t version)
{
    for (size_t i = (size_t)version; i < schema->count; i++) {
        assert(schema->migrations[i].version == (int)i + 1);
        int r = tx_run_script(tx, schema->migrations[i].sql);
        if (r < 0)
            return r;
    }
    int r = tx_exec(tx,
                    "INSERT INTO slipway_schema (name, version) VALUES ($1, $2) "
                    "ON CONFLICT (name) DO UPDATE SET version = excluded.version",
                    "si", schema->name, (int64_t)schema->count);
    return r > 0 ? FAULT(EIO) : r;
}

static int apply_all(struct tx *tx, const struct db_schema *schemas, size_t count, const char **ret_schema)
{
    int64_t version;
    int r = tx_run_script(tx, "CREATE TABLE IF NOT EXISTS slipway_schema "
                              "(name TEXT PRIMARY KEY, version BIGINT NOT NULL)");
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = version_of(tx, schemas[i].name, &version);
        if (r == 0 && version > (int64_t)schemas[i].count) {
            *ret_schema = schemas[i].name;
            return DB_NEWER;
        }
    }
    for (size_t i = 0; r == 0 && i < count; i++) {
        r = version_of(tx, schemas[i].name, &version);
        if (r == 0 && version < (int64_t)schemas[i].count)
            r = apply(tx, &schemas[i], version);
    }
    return r;
}

int db_migrate(struct db *db, const struct db_schema *schemas, size_t count, const char **ret_schema)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin(db, &tx);
    if (r < 0)
        return r;
    r = apply_all(tx, schemas, count, ret_schema);
    return r == 0 ? db_commit(&tx) : r;
}
