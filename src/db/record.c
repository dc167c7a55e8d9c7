/* A record: kind (1 byte), SQL's length (4) and text, count of parameters (1); each parameter: type (1) and,
 * for 't' and 'b', length (4) and bytes, for 'i', the number (8). Kinds: 's' a statement, 'x' a script, which
 * has no parameters. Numbers in the machine's order: the log is read where it was written. */
#include "db/record.h"
#include "base/log.h"
#include "base/mem.h"

#define PREPARED 64
#define WAYS 4

struct prepared {
    char *sql; /* owned; what stmt->sql points to */
    size_t len;
    struct stmt *stmt;
};

struct replay {
    struct conn *conn;
    bool leaves_out;
    atomic_bool *left_out;
    struct prepared prepared[PREPARED]; /* by the text's hash */
};

/* ---- writing */

/* A parameter, as it was given. */
struct argument {
    char type; /* 't', 'b', 'i' or 'n' */
    struct str bytes;
    int64_t number;
};

static struct argument bytes_argument(char type, struct str s)
{
    return s.ptr ? (struct argument){.type = type, .bytes = s} : (struct argument){.type = 'n'};
}

static struct argument argument_of(char type, va_list *args)
{
    switch (type) {
    case 's':
        return bytes_argument('t', str_of(va_arg(*args, const char *)));
    case 'S':
        return bytes_argument('t', va_arg(*args, struct str));
    case 'b':
        return bytes_argument('b', va_arg(*args, struct str));
    case 'i':
        return (struct argument){.type = 'i', .number = va_arg(*args, int64_t)};
    default:
        assert(type == 'n');
        return (struct argument){.type = 'n'};
    }
}

static size_t argument_size(const struct argument *argument)
{
    switch (argument->type) {
    case 'n':
        return 1;
    case 'i':
        return 1 + sizeof(int64_t);
    default:
        return 1 + sizeof(uint32_t) + argument->bytes.len;
    }
}

static char *put_bytes(char *to, const void *bytes, size_t len)
{
    memcpy(to, bytes, len);
    return to + len;
}

static char *put_text(char *to, struct str s)
{
    uint32_t len = (uint32_t)s.len;
    return put_bytes(put_bytes(to, &len, sizeof(len)), s.ptr, s.len);
}

static char *put_argument(char *to, const struct argument *argument)
{
    *to++ = argument->type;
    if (argument->type == 'i')
        return put_bytes(to, &argument->number, sizeof(argument->number));
    return argument->type == 'n' ? to : put_text(to, argument->bytes);
}

/* Room is made once for all: this runs for every change of anything. */
void record_statement(struct buf *buf, const char *sql, const char *types, va_list *args)
{
    struct argument arguments[CONN_MAX_PARAMETERS];
    struct str text = str_of(sql);
    size_t count = strlen(types), size = 1 + sizeof(uint32_t) + text.len + 1;
    assert(count <= CONN_MAX_PARAMETERS);
    for (size_t i = 0; i < count; i++) {
        arguments[i] = argument_of(types[i], args);
        size += argument_size(&arguments[i]);
    }
    char *to = buf_extend(buf, size);
    if (!to)
        return;
    *to++ = 's';
    to = put_text(to, text);
    *to++ = (char)count;
    for (size_t i = 0; i < count; i++)
        to = put_argument(to, &arguments[i]);
}

void record_script(struct buf *buf, const char *sql)
{
    struct str text = str_of(sql);
    char *to = buf_extend(buf, 1 + sizeof(uint32_t) + text.len + 1);
    if (!to)
        return;
    *to++ = 'x';
    *put_text(to, text) = 0;
}

/* ---- reading */

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

static bool skip_argument(struct str *from, char *ret_type, struct str *ret_bytes)
{
    int64_t number;
    *ret_bytes = (struct str){0};
    if (!take_bytes(from, ret_type, 1))
        return false;
    switch (*ret_type) {
    case 'n':
        return true;
    case 'i':
        return take_bytes(from, &number, sizeof(number));
    default:
        return take_text(from, ret_bytes);
    }
}

int record_take(struct str *records, struct record *ret)
{
    unsigned char parameters;
    struct str bytes;
    char kind, type;
    if (!take_bytes(records, &kind, 1) || !take_text(records, &ret->sql) ||
        !take_bytes(records, &parameters, 1))
        return FAULT(EBADMSG);
    ret->is_script = kind == 'x';
    ret->parameters = parameters;
    ret->arguments = *records;
    for (unsigned i = 0; i < parameters; i++)
        if (!skip_argument(records, &type, &bytes))
            return FAULT(EBADMSG);
    ret->arguments.len -= records->len;
    return 0;
}

struct str record_text(const struct record *record, unsigned number)
{
    struct str from = record->arguments, bytes = {0};
    char type = 'n';
    for (unsigned i = 0; i < number; i++)
        if (i == record->parameters || !skip_argument(&from, &type, &bytes))
            return (struct str){0};
    return type == 't' ? bytes : (struct str){0};
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 32;
}

/* Eight bytes at a time: each record has its SQL. */
uint64_t record_hash(struct str text)
{
    uint64_t hash = text.len, word = 0;
    for (; text.len >= sizeof(word); text.ptr += sizeof(word), text.len -= sizeof(word)) {
        memcpy(&word, text.ptr, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    if (text.len > 0)
        memcpy(&word, text.ptr, text.len);
    return mix(hash, word);
}

/* ---- running them again */

int replay_new(struct conn *conn, struct replay **ret)
{
    struct replay *replay = mem_alloc(sizeof(*replay));
    if (!replay)
        return FAULT(ENOMEM);
    replay->conn = conn;
    *ret = replay;
    return 0;
}

void replay_leaves_out(struct replay *replay, atomic_bool *left_out)
{
    replay->leaves_out = true;
    replay->left_out = left_out;
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

static bool has(const struct prepared *prepared, struct str sql)
{
    return prepared->stmt && str_eq(sql, (struct str){prepared->sql, prepared->len});
}

/* The one that has it; else one that is free; else any of those that it may have. */
static struct prepared *place_of(struct replay *replay, struct str sql)
{
    struct prepared *set = &replay->prepared[record_hash(sql) % (PREPARED / WAYS) * WAYS], *place = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (has(&set[i], sql))
            return &set[i];
        if (!set[i].stmt)
            place = &set[i];
    }
    return place;
}

static int prepare(struct replay *replay, struct str sql, struct stmt **ret)
{
    struct prepared *place = place_of(replay, sql);
    if (!has(place, sql)) {
        forget(place);
        place->sql = str_dup(sql);
        place->len = sql.len;
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
        rc = sqlite3_bind_text64(stmt->handle, index, text.ptr, text.len, SQLITE_STATIC, SQLITE_UTF8);
    else if (type == 'b' && take_text(from, &text))
        rc = sqlite3_bind_blob64(stmt->handle, index, text.ptr, text.len, SQLITE_STATIC);
    return rc;
}

static int bind(struct stmt *stmt, const struct record *record)
{
    struct str from = record->arguments;
    int rc = SQLITE_OK;
    for (unsigned i = 0; rc == SQLITE_OK && i < record->parameters; i++)
        rc = bind_next(stmt, i, &from);
    return rc;
}

static int bind_amendment(struct stmt *stmt, const struct amendment *amendment)
{
    struct str from = amendment->by->arguments, bytes;
    char type;
    int rc = SQLITE_OK;
    for (unsigned i = 0; rc == SQLITE_OK && i < amendment->by->parameters; i++) {
        unsigned number = amendment->numbers[i];
        if (number > 0)
            rc = bind_next(stmt, number - 1, &from);
        else if (!skip_argument(&from, &type, &bytes))
            rc = SQLITE_MISMATCH;
    }
    return rc;
}

static int run_statement(struct replay *replay, const struct record *record,
                         const struct amendment *amendment, bool whole)
{
    struct stmt *stmt;
    int r = prepare(replay, record->sql, &stmt);
    if (r < 0)
        return r;
    if (stmt->parameters != record->parameters)
        return FAULT(EBADMSG);
    int rc = bind(stmt, record);
    if (rc == SQLITE_OK && amendment)
        rc = bind_amendment(stmt, amendment);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt->handle); /* RETURNING changes all before its first row */
    (void)sqlite3_reset(stmt->handle);   /* repeats the step's error */
    if (rc == SQLITE_DONE || rc == SQLITE_ROW)
        return 0;
    if (replay->leaves_out && whole && (rc & 0xff) == SQLITE_CONSTRAINT) {
        log_error("db", "acknowledged, but left out: %s: %s", sqlite3_errstr(rc), stmt->sql);
        if (replay->left_out)
            atomic_store(replay->left_out, true);
        return 0;
    }
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

int replay_one(struct replay *replay, const struct record *record, const struct amendment *amendment,
               bool whole)
{
    return record->is_script ? run_script(replay, record->sql)
                             : run_statement(replay, record, amendment, whole);
}

int replay_run(struct replay *replay, struct str records)
{
    struct record record;
    int r = 0;
    while (r == 0 && records.len > 0 && (r = record_take(&records, &record)) == 0)
        r = replay_one(replay, &record, NULL, true);
    return r;
}
