/* A record: kind (1 byte), SQL's length (4) and text, count of parameters (1); each parameter: type (1) and,
 * for 't' and 'b', length (4) and bytes, for 'i', the number (8). Kinds: 's' a statement, 'x' a script, which
 * has no parameters. Numbers in the machine's order: the log is read where it was written. */
#include "db/record.h"
#include "base/mem.h"

#define PREPARED 64

struct prepared {
    char *sql; /* owned; what stmt->sql points to */
    struct stmt *stmt;
};

struct replay {
    struct conn *conn;
    struct prepared prepared[PREPARED]; /* by the text's hash */
};

/* ---- writing */

static void put_text(struct buf *buf, struct str s)
{
    uint32_t len = (uint32_t)s.len;
    buf_put(buf, &len, sizeof(len));
    buf_put_str(buf, s);
}

static void put_parameter(struct buf *buf, char type, struct str s)
{
    buf_putc(buf, s.ptr ? type : 'n');
    if (s.ptr)
        put_text(buf, s);
}

static void put_argument(struct buf *buf, char type, va_list *args)
{
    int64_t number;
    switch (type) {
    case 's':
        put_parameter(buf, 't', str_of(va_arg(*args, const char *)));
        break;
    case 'S':
        put_parameter(buf, 't', va_arg(*args, struct str));
        break;
    case 'b':
        put_parameter(buf, 'b', va_arg(*args, struct str));
        break;
    case 'i':
        number = va_arg(*args, int64_t);
        buf_putc(buf, 'i');
        buf_put(buf, &number, sizeof(number));
        break;
    default:
        assert(type == 'n');
        buf_putc(buf, 'n');
    }
}

void record_statement(struct buf *buf, const char *sql, const char *types, va_list *args)
{
    buf_putc(buf, 's');
    put_text(buf, str_of(sql));
    buf_putc(buf, (char)strlen(types));
    for (const char *type = types; *type; type++)
        put_argument(buf, *type, args);
}

void record_script(struct buf *buf, const char *sql)
{
    buf_putc(buf, 'x');
    put_text(buf, str_of(sql));
    buf_putc(buf, 0);
}

/* ---- running them again */

static bool take_bytes(struct str *from, void *ret, size_t len)
{
    if (from->len < len)
        return false;
    memcpy(ret, from->ptr, len);
    *from = (struct str){from->ptr + len, from->len - len};
    return true;
}

static bool take_text(struct str *from, struct str *ret)
{
    uint32_t len;
    if (!take_bytes(from, &len, sizeof(len)) || from->len < len)
        return false;
    *ret = (struct str){from->ptr, len};
    *from = (struct str){from->ptr + len, from->len - len};
    return true;
}

int replay_new(struct conn *conn, struct replay **ret)
{
    struct replay *replay = mem_alloc(sizeof(*replay));
    if (!replay)
        return FAULT(ENOMEM);
    replay->conn = conn;
    *ret = replay;
    return 0;
}

static void forget(struct prepared *prepared)
{
    if (prepared->stmt)
        stmt_free(&prepared->stmt);
    free(prepared->sql);
    *prepared = (struct prepared){0};
}

void replay_free(struct replay **replay)
{
    if (!*replay)
        return;
    for (size_t i = 0; i < PREPARED; i++)
        forget(&(*replay)->prepared[i]);
    free(*replay);
    *replay = NULL;
}

static int prepare(struct replay *replay, struct str sql, struct stmt **ret)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < sql.len; i++)
        hash = (hash ^ (unsigned char)sql.ptr[i]) * 16777619U;
    struct prepared *place = &replay->prepared[hash % PREPARED];
    if (!place->stmt || !str_eqc(sql, place->sql)) {
        forget(place);
        place->sql = str_dup(sql);
        if (!place->sql)
            return FAULT(ENOMEM);
        int r = stmt_new(replay->conn, place->sql, &place->stmt);
        if (r < 0)
            return r;
    }
    *ret = place->stmt;
    return 0;
}

static int bind_next(struct stmt *stmt, unsigned number, struct str *from)
{
    struct str text;
    int64_t value;
    char type;
    int rc = SQLITE_MISMATCH;
    int index = stmt->index[number];
    if (!take_bytes(from, &type, 1))
        return rc;
    if (type == 'n')
        rc = sqlite3_bind_null(stmt->handle, index);
    else if (type == 'i' && take_bytes(from, &value, sizeof(value)))
        rc = sqlite3_bind_int64(stmt->handle, index, value);
    else if (type == 't' && take_text(from, &text))
        rc = sqlite3_bind_text64(stmt->handle, index, text.ptr, text.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    else if (type == 'b' && take_text(from, &text))
        rc = sqlite3_bind_blob64(stmt->handle, index, text.ptr, text.len, SQLITE_TRANSIENT);
    return rc;
}

static int run_statement(struct replay *replay, struct str sql, unsigned parameters, struct str *from)
{
    struct stmt *stmt;
    int r = prepare(replay, sql, &stmt);
    if (r < 0)
        return r;
    if (stmt->parameters != parameters)
        return FAULT(EBADMSG);
    int rc = SQLITE_OK;
    for (unsigned i = 0; rc == SQLITE_OK && i < parameters; i++)
        rc = bind_next(stmt, i, from);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt->handle); /* RETURNING changes all before its first row */
    (void)sqlite3_reset(stmt->handle);   /* repeats the step's error */
    if (rc == SQLITE_DONE || rc == SQLITE_ROW)
        return 0;
    r = conn_fault(replay->conn, rc, stmt->sql);
    return r > 0 ? FAULT(EBADMSG) : r;
}

static int run_script(struct replay *replay, struct str sql)
{
    CLEANUP(free_ptr) char *text = str_dup(sql);
    if (!text)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < PREPARED; i++) /* the tables change */
        forget(&replay->prepared[i]);
    int rc = sqlite3_exec(conn_handle(replay->conn), text, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return 0;
    int r = conn_fault(replay->conn, rc, text);
    return r > 0 ? FAULT(EBADMSG) : r;
}

int replay_run(struct replay *replay, struct str records)
{
    while (records.len > 0) {
        char kind;
        unsigned char parameters;
        struct str sql;
        if (!take_bytes(&records, &kind, 1) || !take_text(&records, &sql) ||
            !take_bytes(&records, &parameters, 1))
            return FAULT(EBADMSG);
        int r = kind == 'x' ? run_script(replay, sql) : run_statement(replay, sql, parameters, &records);
        if (r < 0)
            return r;
    }
    return 0;
}
