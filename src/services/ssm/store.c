/* SQL of ssm. */
#include "services/ssm/store.h"
#include "wire/json.h"

const struct db_migration ssm_migrations[SSM_MIGRATION_COUNT] = {
    {1, "CREATE TABLE ssm_parameter ("
        " account TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL,"
        " PRIMARY KEY (account, name));"
        "CREATE TABLE ssm_version ("
        " account TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, type TEXT NOT NULL,"
        " stored BYTEA NOT NULL, description TEXT, allowed_pattern TEXT, key_id TEXT, tier TEXT NOT NULL,"
        " data_type TEXT NOT NULL, modified_by TEXT, modified_ms BIGINT NOT NULL,"
        " PRIMARY KEY (account, name, version));"
        "CREATE TABLE ssm_tag ("
        " account TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        " PRIMARY KEY (account, name, key));"},
};
#define COLUMNS                                                                                              \
    "v.name, v.version, v.type, v.stored, v.description, v.allowed_pattern, v.key_id, v.tier, v.data_type,"  \
    " v.modified_by, v.modified_ms"

int ssm_store_head(struct tx *tx, const char *account, const char *name, int64_t *ret_version)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = tx_query_row(tx, &rows, "SELECT version FROM ssm_parameter WHERE account = $1 AND name = $2",
                           "ss", account, name);
    if (err)
        return err;
    *ret_version = rows_int(rows, 0);
    return 0;
}

int ssm_store_count(struct tx *tx, const char *account, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = tx_query_row(tx, &rows, "SELECT count(*) FROM ssm_parameter WHERE account = $1", "s", account);
    if (err)
        return err;
    *ret = rows_int(rows, 0);
    return 0;
}

static int copy(struct rows *rows, int column, struct arena *arena, const char **ret)
{
    *ret = NULL;
    if (rows_null(rows, column))
        return 0;
    *ret = arena_dup(arena, rows_str(rows, column));
    return *ret ? 0 : FAULT(ENOMEM);
}

int ssm_scan_row(struct rows *rows, struct arena *arena, struct ssm_row *ret)
{
    *ret = (struct ssm_row){0};
    struct parameter *p = &ret->parameter;
    const struct {
        int column;
        const char **text;
    } texts[] = {{0, &p->name},   {2, &p->type}, {4, &p->description}, {5, &p->allowed_pattern},
                 {6, &p->key_id}, {7, &p->tier}, {8, &p->data_type},   {9, &p->modified_by}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int err = copy(rows, texts[i].column, arena, texts[i].text);
        if (err)
            return err;
    }
    p->version = rows_int(rows, 1);
    p->modified_ms = rows_int(rows, 10);
    struct str stored = rows_bytes(rows, 3);
    char *bytes = arena_dup(arena, stored);
    if (!bytes)
        return FAULT(ENOMEM);
    ret->stored = (struct str){bytes, stored.len};
    return 0;
}

int ssm_store_get(struct tx *tx, struct arena *arena, const char *account, const char *name, int64_t version,
                  struct ssm_row *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = version ? tx_query_row(tx, &rows,
                                     "SELECT " COLUMNS " FROM ssm_version v"
                                     " WHERE v.account = $1 AND v.name = $2 AND v.version = $3",
                                     "ssi", account, name, version)
                      : tx_query_row(tx, &rows,
                                     "SELECT " COLUMNS " FROM ssm_parameter p JOIN ssm_version v"
                                     " ON v.account = p.account AND v.name = p.name AND v.version = p.version"
                                     " WHERE p.account = $1 AND p.name = $2",
                                     "ss", account, name);
    return err ? err : ssm_scan_row(rows, arena, ret);
}

int ssm_store_put(struct tx *tx, const char *account, const struct ssm_row *row)
{
    const struct parameter *p = &row->parameter;
    int err =
        tx_exec(tx,
                "INSERT INTO ssm_version (account, name, version, type, stored, description, allowed_pattern,"
                " key_id, tier, data_type, modified_by, modified_ms)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                "ssisbssssssi", account, p->name, p->version, p->type, row->stored, p->description,
                p->allowed_pattern, p->key_id, p->tier, p->data_type, p->modified_by, p->modified_ms);
    if (err)
        return err;
    err = tx_exec(tx,
                  "INSERT INTO ssm_parameter (account, name, version) VALUES ($1, $2, $3)"
                  " ON CONFLICT (account, name) DO UPDATE SET version = excluded.version",
                  "ssi", account, p->name, p->version);
    if (err)
        return err;
    return tx_exec(tx, "DELETE FROM ssm_version WHERE account = $1 AND name = $2 AND version <= $3", "ssi",
                   account, p->name, p->version - SSM_VERSIONS_KEPT);
}

int ssm_store_delete(struct tx *tx, const char *account, const char *name)
{
    int err = tx_exec(tx, "DELETE FROM ssm_parameter WHERE account = $1 AND name = $2", "ss", account, name);
    if (err)
        return err;
    if (tx_changes(tx) == 0)
        return DB_NONE;
    err = tx_exec(tx, "DELETE FROM ssm_version WHERE account = $1 AND name = $2", "ss", account, name);
    if (err)
        return err;
    return tx_exec(tx, "DELETE FROM ssm_tag WHERE account = $1 AND name = $2", "ss", account, name);
}

int ssm_scan(struct tx *tx, const char *account, const char *after, struct rows **ret)
{
    return tx_query(tx, ret,
                    "SELECT " COLUMNS " FROM ssm_parameter p JOIN ssm_version v"
                    " ON v.account = p.account AND v.name = p.name AND v.version = p.version"
                    " WHERE p.account = $1 AND p.name > $2 ORDER BY p.name",
                    "ss", account, after ? after : "");
}

int ssm_scan_history(struct tx *tx, const char *account, const char *name, int64_t after, struct rows **ret)
{
    return tx_query(tx, ret,
                    "SELECT " COLUMNS " FROM ssm_version v"
                    " WHERE v.account = $1 AND v.name = $2 AND v.version > $3 ORDER BY v.version",
                    "ssi", account, name, after);
}

int ssm_store_tags(struct tx *tx, const char *account, const char *name, json_t **ret)
{
    CLEANUP(json_free) json_t *tags = json_array();
    if (!tags)
        return FAULT(ENOMEM);
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err =
        tx_query(tx, &rows, "SELECT key, value FROM ssm_tag WHERE account = $1 AND name = $2 ORDER BY key",
                 "ss", account, name);
    if (err)
        return err;
    while ((err = rows_next(rows)) == 0) {
        json_t *tag = json_pack("{s:s, s:s}", "Key", rows_text(rows, 0), "Value", rows_text(rows, 1));
        if (!tag || json_array_append_new(tags, tag))
            return FAULT(ENOMEM);
    }
    if (err != DB_NONE)
        return err;
    *ret = take(tags);
    return 0;
}

int ssm_store_tag_put(struct tx *tx, const char *account, const char *name, const char *key,
                      const char *value)
{
    return tx_exec(tx,
                   "INSERT INTO ssm_tag (account, name, key, value) VALUES ($1, $2, $3, $4)"
                   " ON CONFLICT (account, name, key) DO UPDATE SET value = excluded.value",
                   "ssss", account, name, key, value);
}

int ssm_store_tag_delete(struct tx *tx, const char *account, const char *name, const char *key)
{
    return tx_exec(tx, "DELETE FROM ssm_tag WHERE account = $1 AND name = $2 AND key = $3", "sss", account,
                   name, key);
}
