/* SQL of stacks, templates and resources; events and the movers are in events.c. */
#include "services/cloudformation/store.h"
#include "wire/json.h"
#include <stdio.h>

const struct db_migration cloudformation_migrations[CLOUDFORMATION_MIGRATIONS] = {
    {1, "CREATE TABLE cloudformation_stack ("
        " id TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,"
        " busy BIGINT NOT NULL, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL,"
        " deleted_ms BIGINT NOT NULL, op BIGINT NOT NULL, doc TEXT NOT NULL);"
        "CREATE UNIQUE INDEX cloudformation_stack_live ON cloudformation_stack (account, name)"
        " WHERE deleted_ms = 0;"
        "CREATE INDEX cloudformation_stack_list ON cloudformation_stack (account, created_ms);"
        "CREATE INDEX cloudformation_stack_busy ON cloudformation_stack (busy) WHERE busy = 1;"
        "CREATE TABLE cloudformation_template (digest TEXT PRIMARY KEY, body TEXT NOT NULL);"
        "CREATE TABLE cloudformation_resource ("
        " stack_id TEXT NOT NULL, logical_id TEXT NOT NULL, physical_id TEXT, doc TEXT NOT NULL,"
        " PRIMARY KEY (stack_id, logical_id));"
        "CREATE INDEX cloudformation_resource_physical ON cloudformation_resource (physical_id);"
        "CREATE TABLE cloudformation_event ("
        " stack_id TEXT NOT NULL, seq BIGINT NOT NULL, doc TEXT NOT NULL, PRIMARY KEY (stack_id, seq));"
        "CREATE TABLE cloudformation_cleanup ("
        " seq INTEGER PRIMARY KEY, stack_id TEXT NOT NULL, doc TEXT NOT NULL);"
        "CREATE INDEX cloudformation_cleanup_stack ON cloudformation_cleanup (stack_id, seq);"
        "CREATE TABLE cloudformation_change_set ("
        " id TEXT PRIMARY KEY, account TEXT NOT NULL, stack_id TEXT NOT NULL, name TEXT NOT NULL,"
        " created_ms BIGINT NOT NULL, doc TEXT NOT NULL, UNIQUE (stack_id, name));"
        "CREATE TABLE cloudformation_export ("
        " account TEXT NOT NULL, name TEXT NOT NULL, stack_id TEXT NOT NULL, value TEXT NOT NULL,"
        " PRIMARY KEY (account, name));"
        "CREATE INDEX cloudformation_export_stack ON cloudformation_export (stack_id);"
        "CREATE TABLE cloudformation_import ("
        " account TEXT NOT NULL, name TEXT NOT NULL, stack_id TEXT NOT NULL,"
        " PRIMARY KEY (account, name, stack_id));"
        "CREATE INDEX cloudformation_import_stack ON cloudformation_import (stack_id);"},
};

/* ---- stacks */

#define STACK_COLUMNS "id, account, name, status, created_ms, updated_ms, deleted_ms, op, doc"

static int parse(struct str text, json_t **ret)
{
    int err = json_parse(text, ret, NULL);

    return err > 0 ? FAULT(EBADMSG) : err;
}

static void copy(struct rows *rows, int column, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%s", rows_text(rows, column));
}

static int scan(struct rows *rows, struct stack *ret)
{
    copy(rows, 0, ret->id, sizeof(ret->id));
    copy(rows, 1, ret->account, sizeof(ret->account));
    copy(rows, 2, ret->name, sizeof(ret->name));
    copy(rows, 3, ret->status, sizeof(ret->status));
    ret->created_ms = rows_int(rows, 4);
    ret->updated_ms = rows_int(rows, 5);
    ret->deleted_ms = rows_int(rows, 6);
    ret->op = rows_int(rows, 7);
    return parse(rows_str(rows, 8), &ret->doc);
}

void stack_unload(struct stack *stack)
{
    json_decref(stack->doc);
    stack->doc = NULL;
}

int stack_find(struct tx *tx, const char *account, const char *name_or_id, struct stack *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err;

    if (str_starts(str_of(name_or_id), STR("arn:")))
        err = tx_query_row(
            tx, &rows, "SELECT " STACK_COLUMNS " FROM cloudformation_stack WHERE account = $1 AND id = $2",
            "ss", account, name_or_id);
    else
        err = tx_query_row(tx, &rows,
                           "SELECT " STACK_COLUMNS
                           " FROM cloudformation_stack WHERE account = $1 AND name = $2 AND deleted_ms = 0",
                           "ss", account, name_or_id);
    return err ? err : scan(rows, ret);
}

int stack_insert(struct tx *tx, const struct stack *s)
{
    CLEANUP(free_ptr) char *doc = json_text(s->doc);

    if (!doc)
        return FAULT(ENOMEM);
    return tx_exec(
        tx,
        "INSERT INTO cloudformation_stack (id, account, name, status, busy, created_ms, updated_ms,"
        " deleted_ms, op, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        "ssssiiiiis", s->id, s->account, s->name, s->status, (int64_t)stack_busy(s->status), s->created_ms,
        s->updated_ms, s->deleted_ms, s->op, doc);
}

int stack_save(struct tx *tx, const struct stack *s)
{
    CLEANUP(free_ptr) char *doc = json_text(s->doc);

    if (!doc)
        return FAULT(ENOMEM);
    return tx_exec(tx,
                   "UPDATE cloudformation_stack SET busy = $2, updated_ms = $3, deleted_ms = $4, op = $5,"
                   " doc = $6, status = $7 WHERE id = $1",
                   "siiiiss", s->id, (int64_t)stack_busy(s->status), s->updated_ms, s->deleted_ms, s->op, doc,
                   s->status);
}

static int each(struct rows *rows, int (*seen)(struct stack *stack, void *arg), void *arg)
{
    int err;

    while ((err = rows_next(rows)) == 0) {
        CLEANUP(stack_unload) struct stack s = {.doc = NULL};
        err = scan(rows, &s);
        if (!err)
            err = seen(&s, arg);
        if (err)
            return err;
    }
    return err == DB_NONE ? 0 : err;
}

int stack_each(struct tx *tx, const char *account, bool deleted_too,
               int (*seen)(struct stack *stack, void *arg), void *arg)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err = deleted_too
                  ? tx_query(tx, &rows,
                             "SELECT " STACK_COLUMNS
                             " FROM cloudformation_stack WHERE account = $1 ORDER BY created_ms DESC, id",
                             "s", account)
                  : tx_query(tx, &rows,
                             "SELECT " STACK_COLUMNS " FROM cloudformation_stack"
                             " WHERE account = $1 AND deleted_ms = 0 ORDER BY created_ms DESC, id",
                             "s", account);

    return err ? err : each(rows, seen, arg);
}

int stack_unfinished(struct tx *tx, json_t **ret_ids)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int err = tx_query(tx, &rows,
                       "SELECT account, id FROM cloudformation_stack WHERE busy = 1 ORDER BY created_ms", "");

    while (!err && (err = rows_next(rows)) == 0)
        if (json_array_append_new(list, json_pack("[s, s]", rows_text(rows, 0), rows_text(rows, 1))))
            return FAULT(ENOMEM);
    if (err != DB_NONE)
        return err;
    *ret_ids = take(list);
    return 0;
}

/* ---- templates */

int template_store(struct tx *tx, struct str body, char ret_digest[HASH_HEX_SIZE])
{
    hash_sha256_hex(body, ret_digest);
    return tx_exec(
        tx, "INSERT INTO cloudformation_template (digest, body) VALUES ($1, $2) ON CONFLICT DO NOTHING", "sS",
        ret_digest, body);
}

int template_load(struct tx *tx, const char *digest, char **ret_body)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err =
        tx_query_row(tx, &rows, "SELECT body FROM cloudformation_template WHERE digest = $1", "s", digest);

    if (err)
        return err == DB_NONE ? FAULT(ENOENT) : err;
    *ret_body = str_dup(rows_str(rows, 0));
    return *ret_body ? 0 : FAULT(ENOMEM);
}

/* ---- resources */

int resource_load(struct tx *tx, const char *stack_id, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *all = json_object();
    int err = tx_query(
        tx, &rows,
        "SELECT logical_id, doc FROM cloudformation_resource WHERE stack_id = $1 ORDER BY logical_id", "s",
        stack_id);

    while (!err && (err = rows_next(rows)) == 0) {
        json_t *row = NULL;
        err = parse(rows_str(rows, 1), &row);
        if (!err && json_object_set_new(all, rows_text(rows, 0), row))
            err = FAULT(ENOMEM);
    }
    if (err != DB_NONE)
        return err;
    *ret = take(all);
    return 0;
}

int resource_save(struct tx *tx, const char *stack_id, const json_t *row)
{
    CLEANUP(free_ptr) char *doc = json_text(row);

    if (!doc)
        return FAULT(ENOMEM);
    return tx_exec(tx,
                   "INSERT INTO cloudformation_resource (stack_id, logical_id, physical_id, doc)"
                   " VALUES ($1, $2, $3, $4) ON CONFLICT (stack_id, logical_id)"
                   " DO UPDATE SET physical_id = excluded.physical_id, doc = excluded.doc",
                   "ssss", stack_id, json_str(row, "LogicalResourceId", ""),
                   json_str(row, "PhysicalResourceId", NULL), doc);
}

int resource_drop(struct tx *tx, const char *stack_id, const char *logical_id)
{
    return tx_exec(tx, "DELETE FROM cloudformation_resource WHERE stack_id = $1 AND logical_id = $2", "ss",
                   stack_id, logical_id);
}

int resource_stack(struct tx *tx, const char *account, const char *physical_id, char ret[STACK_ID_SIZE])
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int err =
        tx_query_row(tx, &rows,
                     "SELECT r.stack_id FROM cloudformation_resource r JOIN cloudformation_stack s"
                     " ON s.id = r.stack_id WHERE r.physical_id = $1 AND s.account = $2 AND s.deleted_ms = 0",
                     "ss", physical_id, account);

    if (!err)
        copy(rows, 0, ret, STACK_ID_SIZE);
    return err;
}

/* ---- what an update leaves to be removed */

int cleanup_add(struct tx *tx, const char *stack_id, const json_t *row)
{
    CLEANUP(free_ptr) char *doc = json_text(row);

    if (!doc)
        return FAULT(ENOMEM);
    return tx_exec(tx, "INSERT INTO cloudformation_cleanup (stack_id, doc) VALUES ($1, $2)", "ss", stack_id,
                   doc);
}

int cleanup_list(struct tx *tx, const char *stack_id, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int err =
        tx_query(tx, &rows, "SELECT seq, doc FROM cloudformation_cleanup WHERE stack_id = $1 ORDER BY seq",
                 "s", stack_id);

    while (!err && (err = rows_next(rows)) == 0) {
        json_t *row = NULL;
        err = parse(rows_str(rows, 1), &row);
        if (!err && (json_put_int(row, "cleanup_seq", rows_int(rows, 0)) || json_array_append_new(list, row)))
            err = FAULT(ENOMEM);
    }
    if (err != DB_NONE)
        return err;
    *ret = take(list);
    return 0;
}

int cleanup_drop(struct tx *tx, int64_t seq)
{
    return tx_exec(tx, "DELETE FROM cloudformation_cleanup WHERE seq = $1", "i", seq);
}
