/* Connections: opened alike, statements cached in small sets by the literal's address, least recently used
 * out. A statement that is busy (a query nested in itself) is prepared a second time, uncached. */
#include "db/conn.h"
#include "base/log.h"
#include "base/mem.h"
#include "db/db.h"
#include "db/inject.h"

#define SETS 64
#define WAYS 4

struct conn {
    sqlite3 *handle;
    uint64_t uses;
    struct stmt *cache[SETS][WAYS];
};

sqlite3 *conn_handle(struct conn *conn)
{
    return conn->handle;
}

static const struct {
    int rc; /* extended, or primary */
    int result;
} results[] = {
    {SQLITE_CONSTRAINT_UNIQUE, DB_EXISTS},
    {SQLITE_CONSTRAINT_PRIMARYKEY, DB_EXISTS},
    {SQLITE_CONSTRAINT_ROWID, DB_EXISTS},
    {SQLITE_IOERR_NOMEM, -ENOMEM},
    {SQLITE_NOMEM, -ENOMEM},
    {SQLITE_FULL, -ENOSPC},
    {SQLITE_IOERR, -EIO},
    {SQLITE_CANTOPEN, -EACCES},
    {SQLITE_PERM, -EACCES},
    {SQLITE_READONLY, -EROFS},
    {SQLITE_BUSY, -EBUSY},
    {SQLITE_LOCKED, -EBUSY},
    {SQLITE_CORRUPT, -EBADMSG},
    {SQLITE_NOTADB, -EBADMSG},
    {SQLITE_TOOBIG, -EMSGSIZE},
    {SQLITE_CONSTRAINT, -EINVAL},
    {SQLITE_MISMATCH, -EINVAL},
    {SQLITE_RANGE, -EINVAL},
    {SQLITE_ERROR, -EINVAL},
};

int conn_fault(struct conn *conn, int rc, const char *sql)
{
    int extended = rc;
    if (conn && conn->handle && (rc & 0xff) == rc && (sqlite3_extended_errcode(conn->handle) & 0xff) == rc)
        extended = sqlite3_extended_errcode(conn->handle);
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        if (results[i].rc != extended && results[i].rc != (rc & 0xff))
            continue;
        if (results[i].result > 0)
            return results[i].result;
        if (results[i].result == -EINVAL) /* a defect of the statement: nobody else would say which */
            log_error("db", "%s: %s", conn ? sqlite3_errmsg(conn->handle) : sqlite3_errstr(rc), sql);
        else
            log_debug("db", "%s: %s", sqlite3_errstr(extended), sql);
        return FAULT(results[i].result);
    }
    return FAULT(EIO);
}

static int conn_setup(struct conn *conn, struct conn_options options)
{
    static const char *const always[] = {
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA wal_autocheckpoint=0",
        "PRAGMA journal_size_limit=33554432",
    };
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        int rc = sqlite3_exec(conn->handle, always[i], NULL, NULL, NULL);
        if (rc != SQLITE_OK)
            return conn_fault(conn, rc, always[i]);
    }
    char *cache_size = sqlite3_mprintf("PRAGMA cache_size=-%d", options.cache_kib);
    if (!cache_size)
        return FAULT(ENOMEM);
    int rc = sqlite3_exec(conn->handle, cache_size, NULL, NULL, NULL);
    sqlite3_free(cache_size);
    if (rc == SQLITE_OK && !options.writes)
        rc = sqlite3_exec(conn->handle, "PRAGMA query_only=ON", NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : conn_fault(conn, rc, "PRAGMA");
}

int conn_open(const char *path, struct conn_options options, struct conn **ret)
{
    CLEANUP(conn_close) struct conn *conn = mem_alloc(sizeof(*conn));
    if (!conn)
        return FAULT(ENOMEM);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int rc = sqlite3_open_v2(path, &conn->handle, flags, INJECT_VFS);
    if (rc != SQLITE_OK)
        return conn_fault(conn, rc, path);
    (void)sqlite3_busy_timeout(conn->handle, 10000);
    int r = conn_setup(conn, options);
    if (r < 0)
        return r;
    *ret = take(conn);
    return 0;
}

void stmt_free(struct stmt **stmt)
{
    if (!*stmt)
        return;
    (void)sqlite3_finalize((*stmt)->handle); /* repeats the last step's error, known by then */
    free(*stmt);
    *stmt = NULL;
}

void conn_close(struct conn **conn)
{
    if (!*conn)
        return;
    for (size_t i = 0; i < SETS * WAYS; i++) {
        struct stmt *stmt = (*conn)->cache[i / WAYS][i % WAYS];
        assert(!stmt || !stmt->busy);
        stmt_free(&stmt);
    }
    int rc = sqlite3_close((*conn)->handle);
    assert(rc == SQLITE_OK);
    free(*conn);
    *conn = NULL;
}

/* SQLite numbers `$N` by order of appearance: the map leads from N to its index. */
static int map_parameters(struct stmt *stmt)
{
    int count = sqlite3_bind_parameter_count(stmt->handle);
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->handle, i);
        int64_t number;
        if (!name || name[0] != '$' || !str_to_int(str_of(name + 1), 1, CONN_MAX_PARAMETERS, &number))
            return FAULT(EINVAL);
        stmt->index[number - 1] = (unsigned char)i;
        if ((unsigned)number > stmt->parameters)
            stmt->parameters = (unsigned)number;
    }
    return 0;
}

static bool is_of_rows(struct str sql)
{
    static const char *const words[] = {"INSERT ", "UPDATE ", "DELETE "};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_starts(sql, str_of(words[i])))
            return true;
    return false;
}

int stmt_new(struct conn *conn, const char *sql, struct stmt **ret)
{
    struct stmt *stmt = mem_alloc(sizeof(*stmt));
    if (!stmt)
        return FAULT(ENOMEM);
    stmt->sql = sql;
    stmt->of_rows = is_of_rows(str_of(sql));
    int rc = sqlite3_prepare_v3(conn->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->handle, NULL);
    int r = rc == SQLITE_OK ? map_parameters(stmt) : conn_fault(conn, rc, sql);
    if (r != 0) {
        stmt_free(&stmt);
        return r > 0 ? FAULT(EIO) : r;
    }
    *ret = stmt;
    return 0;
}

/* The place that the statement has, or should have, in its set; NULL when all are busy. */
static struct stmt **cache_place(struct conn *conn, const char *sql)
{
    uint64_t hash = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15U;
    struct stmt **set = conn->cache[hash >> 32 & (SETS - 1)];
    struct stmt **best = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i] && set[i]->sql == sql)
            return &set[i];
        if (set[i] && set[i]->busy)
            continue;
        if (!best || (*best && (!set[i] || set[i]->used < (*best)->used)))
            best = &set[i];
    }
    return best;
}

int conn_prepare(struct conn *conn, const char *sql, struct stmt **ret)
{
    struct stmt **place = cache_place(conn, sql);
    struct stmt *stmt = place ? *place : NULL;
    bool hit = stmt && stmt->sql == sql && !stmt->busy;
    if (hit) {
        assert(str_eqc(str_of(sqlite3_sql(stmt->handle)), sql)); /* else: not a literal */
    } else {
        int r = stmt_new(conn, sql, &stmt);
        if (r < 0)
            return r;
        stmt->cached = place && !(*place && (*place)->busy);
        if (stmt->cached) {
            stmt_free(place);
            *place = stmt;
        }
    }
    stmt->busy = true;
    stmt->used = ++conn->uses;
    *ret = stmt;
    return 0;
}

void conn_release(struct stmt *stmt)
{
    (void)sqlite3_reset(stmt->handle); /* repeats the last step's error, known by then */
    stmt->busy = false;
    if (stmt->cached)
        (void)sqlite3_clear_bindings(stmt->handle);
    else
        stmt_free(&stmt);
}

int conn_run(struct conn *conn, const char *sql)
{
    struct stmt *stmt;
    int r = conn_prepare(conn, sql, &stmt);
    if (r < 0)
        return r;
    int rc = sqlite3_step(stmt->handle);
    r = rc == SQLITE_DONE ? 0 : conn_fault(conn, rc, sql);
    conn_release(stmt);
    return r > 0 ? FAULT(EIO) : r;
}
