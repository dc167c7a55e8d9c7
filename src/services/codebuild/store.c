/* codebuild's tables and statements. */
#include "services/codebuild/store.h"
#include "base/mem.h"
#include "services/codebuild/build.h"
#include "services/fenced.h"
#include "services/kept.h"

static void free_build(void *value)
{
    build_deinit(value);
    free(value);
}

static void free_document(void *value)
{
    json_decref(value);
}

static struct kept bodies = KEPT_INIT;                      /* of builds, by the UUID in their ids */
static struct fenced under_way = FENCED_INIT(free_build);   /* struct build, by its id */
static struct fenced projects = FENCED_INIT(free_document); /* their bodies, by project_key */

const struct db_migration codebuild_migrations[CODEBUILD_MIGRATION_COUNT] = {
    {1,
     "CREATE TABLE codebuild_project ("
     "account TEXT NOT NULL, name TEXT NOT NULL, created_ms BIGINT NOT NULL, modified_ms BIGINT NOT NULL, "
     "body TEXT NOT NULL, PRIMARY KEY (account, name));"
     "CREATE TABLE codebuild_build ("
     "account TEXT NOT NULL, id TEXT NOT NULL, project TEXT NOT NULL, number BIGINT NOT NULL, "
     "state TEXT NOT NULL, status TEXT NOT NULL, phase TEXT NOT NULL, worker TEXT NOT NULL, "
     "nonce TEXT NOT NULL, attempt BIGINT NOT NULL, started_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL, "
     "lease_ms BIGINT NOT NULL, limit_ms BIGINT NOT NULL, timed BIGINT NOT NULL, due_ms BIGINT NOT NULL, "
     "token TEXT, body TEXT NOT NULL, progress TEXT NOT NULL, PRIMARY KEY (account, id));"
     "CREATE UNIQUE INDEX codebuild_build_number ON codebuild_build (account, project, number);"
     "CREATE INDEX codebuild_build_started ON codebuild_build (account, started_ms, id);"
     "CREATE INDEX codebuild_build_token ON codebuild_build (account, token) WHERE token IS NOT NULL;"
     "CREATE INDEX codebuild_build_waiting ON codebuild_build (account, started_ms) WHERE state = 'QUEUED';"
     "CREATE INDEX codebuild_build_active ON codebuild_build (account, project) WHERE state <> 'ENDED';"
     "CREATE INDEX codebuild_build_worker ON codebuild_build (account, worker) WHERE state = 'LEASED';"
     "CREATE INDEX codebuild_build_due ON codebuild_build (due_ms) WHERE state <> 'ENDED'"},
    /* ordered as it is asked for: else SQLite walks along all of the account's builds */
    {2, "DROP INDEX codebuild_build_token;"
        "CREATE INDEX codebuild_build_token ON codebuild_build (account, token, started_ms)"
        " WHERE token IS NOT NULL;"},
};

static const char *const state_names[] = {
    [BUILD_QUEUED] = "QUEUED", [BUILD_LEASED] = "LEASED", [BUILD_ENDED] = "ENDED"};

/* ---- projects */

void project_row_deinit(struct project_row *row)
{
    json_free(&row->body);
}

#define KEY_SIZE (sizeof(((struct build *)0)->account) + sizeof(((struct build *)0)->project))

/* False: the name is longer than any project's. */
static bool project_key(const char *account, const char *name, char ret[KEY_SIZE])
{
    return snprintf(ret, KEY_SIZE, "%s/%s", account, name) < (int)KEY_SIZE;
}

static void project_changes(struct tx *tx, const char *account, const char *name)
{
    char key[KEY_SIZE];
    if (project_key(account, name, key))
        fenced_drop(&projects, tx, key);
}

int project_store_recall(struct tx *tx, const char *account, const char *name, json_t **ret)
{
    CLEANUP(project_row_deinit) struct project_row row = {0};
    char key[KEY_SIZE];
    bool keyed = project_key(account, name, key);
    row.body = keyed ? fenced_take(&projects, tx, key) : NULL;
    int r = row.body ? 0 : project_store_get(tx, account, name, &row);
    if (r != 0)
        return r;
    if (keyed && row.text_bytes <= KEPT_TEXT_MAX) /* one from memory has 0, and is short */
        fenced_put(&projects, tx, key, json_incref(row.body));
    *ret = take(row.body);
    return 0;
}

int project_store_get(struct tx *tx, const char *account, const char *name, struct project_row *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT created_ms, modified_ms, body FROM codebuild_project "
                         "WHERE account = $1 AND name = $2",
                         "ss", account, name);
    if (r != 0)
        return r;
    ret->created_ms = rows_int(rows, 0);
    ret->modified_ms = rows_int(rows, 1);
    ret->text_bytes = rows_str(rows, 2).len;
    return json_unpack_text(rows_str(rows, 2), &ret->body);
}

int project_store_insert(struct tx *tx, const char *account, const char *name, int64_t now_ms,
                         const json_t *body)
{
    project_changes(tx, account, name);
    CLEANUP(free_ptr) char *text = json_pack_text(body);
    if (!text)
        return FAULT(ENOMEM);
    int r = tx_exec(tx,
                    "INSERT INTO codebuild_project (account, name, created_ms, modified_ms, body) "
                    "VALUES ($1, $2, $3, $3, $4)",
                    "ssis", account, name, now_ms, text);
    return r > 0 ? CODEBUILD_E_EXISTS : r;
}

int project_store_update(struct tx *tx, const char *account, const char *name, int64_t now_ms,
                         const json_t *body)
{
    project_changes(tx, account, name);
    CLEANUP(free_ptr) char *text = json_pack_text(body);
    if (!text)
        return FAULT(ENOMEM);
    return tx_exec(
        tx, "UPDATE codebuild_project SET modified_ms = $3, body = $4 WHERE account = $1 AND name = $2",
        "ssis", account, name, now_ms, text);
}

int project_store_delete(struct tx *tx, const char *account, const char *name)
{
    project_changes(tx, account, name);
    int r =
        tx_exec(tx, "DELETE FROM codebuild_project WHERE account = $1 AND name = $2", "ss", account, name);
    return r == 0 && tx_changes(tx) == 0 ? CODEBUILD_E_NOT_FOUND : r;
}

/* ---- builds */

#define BUILD_COLUMNS                                                                                        \
    "account, id, project, number, state, status, phase, worker, nonce, attempt, started_ms, ended_ms, "     \
    "lease_ms, limit_ms, timed, token, body, progress"

void build_deinit(struct build *build)
{
    json_free(&build->body);
    json_free(&build->progress);
}

int64_t build_store_due_ms(const struct build *build)
{
    if (build->state == BUILD_ENDED)
        return INT64_MAX;
    bool lease_first = build->state == BUILD_LEASED && build->lease_ms < build->limit_ms;
    return lease_first ? build->lease_ms : build->limit_ms;
}

int build_store_insert(struct tx *tx, const struct build *build)
{
    CLEANUP(free_ptr) char *body = json_pack_text(build->body);
    CLEANUP(free_ptr) char *progress = json_pack_text(build->progress);
    if (!body || !progress)
        return FAULT(ENOMEM);
    int r = tx_exec(
        tx,
        "INSERT INTO codebuild_build (" BUILD_COLUMNS ", due_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
        "$9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)",
        "sssisssssiiiiiisssi", build->account, build->id, build->project, build->number,
        state_names[build->state], build->status, build->phase, build->worker, build->nonce, build->attempt,
        build->started_ms, build->ended_ms, build->lease_ms, build->limit_ms, (int64_t)build->timed,
        build->token[0] ? build->token : NULL, body, progress, build_store_due_ms(build));
    if (r == 0)
        kept_put(&bodies, build_uuid(build->id), build->body, body);
    return r > 0 ? FAULT(EEXIST) : r;
}

int build_store_save(struct tx *tx, const struct build *build)
{
    CLEANUP(free_ptr) char *progress = json_pack_text(build->progress);
    if (!progress)
        return FAULT(ENOMEM);
    fenced_drop(&under_way, tx, build->id);
    if (build->state == BUILD_ENDED)
        kept_drop(&bodies, build_uuid(build->id));
    int r =
        tx_exec(tx,
                "UPDATE codebuild_build SET state = $3, status = $4, phase = $5, worker = $6, nonce = $7, "
                "attempt = $8, ended_ms = $9, lease_ms = $10, limit_ms = $11, timed = $12, progress = $13, "
                "due_ms = $14 WHERE account = $1 AND id = $2",
                "sssssssiiiiisi", build->account, build->id, state_names[build->state], build->status,
                build->phase, build->worker, build->nonce, build->attempt, build->ended_ms, build->lease_ms,
                build->limit_ms, (int64_t)build->timed, progress, build_store_due_ms(build));
    return r > 0 ? FAULT(EEXIST) : r;
}

/* Texts of ours fit: they were measured when they came in. */
static void copy_text(char *to, size_t size, struct rows *rows, int column)
{
    struct str text = rows_str(rows, column);
    assert(text.len < size);
    if (text.len > 0)
        memcpy(to, text.ptr, text.len);
    to[text.len] = '\0';
}

static int state_read(struct str name, enum build_state *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(state_names); i++) {
        if (str_eqc(name, state_names[i])) {
            *ret = (enum build_state)i;
            return 0;
        }
    }
    return FAULT(EBADMSG);
}

/* `r` is tx_query_row's result; closes the rows. */
static int build_read(int r, struct rows *rows, struct build *ret)
{
    CLEANUP(rows_close) struct rows *closing = rows;
    if (r != 0)
        return r;
    copy_text(ret->account, sizeof(ret->account), rows, 0);
    copy_text(ret->id, sizeof(ret->id), rows, 1);
    copy_text(ret->project, sizeof(ret->project), rows, 2);
    ret->number = rows_int(rows, 3);
    copy_text(ret->status, sizeof(ret->status), rows, 5);
    copy_text(ret->phase, sizeof(ret->phase), rows, 6);
    copy_text(ret->worker, sizeof(ret->worker), rows, 7);
    copy_text(ret->nonce, sizeof(ret->nonce), rows, 8);
    ret->attempt = rows_int(rows, 9);
    ret->started_ms = rows_int(rows, 10);
    ret->ended_ms = rows_int(rows, 11);
    ret->lease_ms = rows_int(rows, 12);
    ret->limit_ms = rows_int(rows, 13);
    ret->timed = rows_int(rows, 14) != 0;
    copy_text(ret->token, sizeof(ret->token), rows, 15);
    r = state_read(rows_str(rows, 4), &ret->state);
    if (r == 0)
        ret->body = kept_find(&bodies, build_uuid(ret->id));
    if (r == 0 && !ret->body)
        r = json_unpack_text(rows_str(rows, 16), &ret->body);
    if (r == 0)
        r = json_unpack_text(rows_str(rows, 17), &ret->progress);
    return r;
}

void build_store_keep(struct tx *tx, struct build *build)
{
    json_t *body = kept_find(&bodies, build_uuid(build->id));
    struct build *kept = body && build->state != BUILD_ENDED ? mem_alloc(sizeof(*kept)) : NULL;
    json_decref(body);
    if (!kept)
        return;
    *kept = *build;
    build->body = build->progress = NULL;
    fenced_put(&under_way, tx, kept->id, kept);
}

/* Of another account it is kept no more, and that is all. */
static bool recall(struct tx *tx, const char *account, const char *id, struct build *ret)
{
    struct build *kept = fenced_take(&under_way, tx, id);
    bool found = kept && strcmp(kept->account, account) == 0;
    if (found) {
        *ret = *kept;
        kept->body = kept->progress = NULL;
    }
    if (kept)
        free_build(kept);
    return found;
}

int build_store_recall(struct tx *tx, const char *account, const char *id, struct build *ret)
{
    return recall(tx, account, id, ret) ? 0 : build_store_get(tx, account, id, ret);
}

int build_store_get(struct tx *tx, const char *account, const char *id, struct build *ret)
{
    struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT " BUILD_COLUMNS " FROM codebuild_build WHERE account = $1 AND id = $2", "ss",
                         account, id);
    return build_read(r, rows, ret);
}

int build_store_by_token(struct tx *tx, const char *account, const char *token, struct build *ret)
{
    struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT " BUILD_COLUMNS " FROM codebuild_build WHERE account = $1 AND token = $2 "
                         "ORDER BY started_ms DESC LIMIT 1",
                         "ss", account, token);
    return build_read(r, rows, ret);
}

int build_store_waiting(struct tx *tx, const char *account, struct build *ret)
{
    struct rows *rows = NULL;
    int r =
        tx_query_row(tx, &rows,
                     "SELECT " BUILD_COLUMNS " FROM codebuild_build WHERE account = $1 AND state = 'QUEUED' "
                     "ORDER BY started_ms LIMIT 1",
                     "s", account);
    return build_read(r, rows, ret);
}

int build_store_held(struct tx *tx, const char *account, const char *worker, struct build *ret)
{
    struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT " BUILD_COLUMNS " FROM codebuild_build WHERE account = $1 AND worker = $2 "
                         "AND state = 'LEASED' LIMIT 1",
                         "ss", account, worker);
    return build_read(r, rows, ret);
}

int build_store_due(struct tx *tx, int64_t now_ms, struct build *ret)
{
    struct rows *rows = NULL;
    int r =
        tx_query_row(tx, &rows,
                     "SELECT " BUILD_COLUMNS " FROM codebuild_build WHERE due_ms <= $1 AND state <> 'ENDED' "
                     "ORDER BY due_ms LIMIT 1",
                     "i", now_ms);
    return build_read(r, rows, ret);
}

static int read_number(int r, struct rows *rows, int64_t absent, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *closing = rows;
    if (r == 0)
        *ret = rows_null(rows, 0) ? absent : rows_int(rows, 0);
    return r > 0 ? FAULT(EIO) : r;
}

int build_store_next_due(struct tx *tx, int64_t *ret_ms)
{
    struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT MIN(due_ms) FROM codebuild_build WHERE state <> 'ENDED'", "");
    return read_number(r, rows, INT64_MAX, ret_ms);
}

int build_store_prolong(struct tx *tx, int64_t until_ms)
{
    fenced_drop_all(&under_way);
    return tx_exec(tx,
                   "UPDATE codebuild_build SET lease_ms = $1, "
                   "due_ms = CASE WHEN limit_ms < $1 THEN limit_ms ELSE $1 END "
                   "WHERE state = 'LEASED' AND lease_ms < $1 AND due_ms < $1",
                   "i", until_ms);
}

int build_store_next_number(struct tx *tx, const char *account, const char *project, int64_t *ret)
{
    struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT MAX(number) + 1 FROM codebuild_build WHERE account = $1 AND project = $2",
                         "ss", account, project);
    return read_number(r, rows, 1, ret);
}

int build_store_active(struct tx *tx, const char *account, const char *project, int64_t *ret)
{
    struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT COUNT(*) FROM codebuild_build WHERE account = $1 AND project = $2 "
                         "AND state <> 'ENDED'",
                         "ss", account, project);
    return read_number(r, rows, 0, ret);
}
