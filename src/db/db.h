/* Durable state: one small API over SQLite, shaped so that PostgreSQL can stand behind it.
 *
 * Any number of read transactions run at once (a connection per thread, a snapshot each). Write transactions
 * take turns: db_begin() waits for its turn, the caller's statements run in a savepoint, db_commit() gives
 * the turn to the next caller and returns when the group that the savepoint belongs to is on disk, in the
 * redo log (redo.h). Many callers so share one sync, and while it goes on the next work. A failed group fails
 * for each of its callers; a failed savepoint for its caller only. SQLite's own commit follows later, for
 * many groups at once, or when somebody reads.
 *
 * SQL is portable: `$1` parameters, TEXT / BIGINT / BYTEA, ON CONFLICT, RETURNING; no function of one engine
 * only, none that gives something else when it is run again (random(), the clock). SQL text must be a string
 * literal (statements are cached by its address). RETURNING has SQLite make a table for what is returned: of
 * one row a SELECT after the change costs a sixth.
 *
 * Keep write transactions short and free of I/O: every other writer waits. */
#pragma once

#include "base/base.h"

struct db;
struct tx;   /* a transaction, read or write; used by the thread that began it */
struct rows; /* a result being read; belongs to its transaction */

#define DB_ANYTHING UINT64_C(0) /* a subject that is all of them */

enum db_outcome {
    DB_NONE = 1,   /* no row */
    DB_EXISTS = 2, /* a unique or primary key is taken; the transaction goes on */
    DB_NEWER = 3,  /* the database was written by a newer Slipway */
    DB_BUSY = 4,   /* it would have had to wait */
};

struct db_migration {
    int version;     /* 1, 2, 3 …, in order; never changed once released */
    const char *sql; /* one or more statements */
};

struct db_schema {
    const char *name; /* a service's name; owns the tables that start with `NAME_` */
    const struct db_migration *migrations;
    size_t count;
};

struct db_stats {
    uint64_t commits; /* transactions committed durably */
    uint64_t groups;  /* syncs they shared */
};

/* `path` is the database file; created with mode 0600 when missing. -EBUSY: it is open already, here or in
 * another process. */
int db_open(const char *path, struct db **ret) MUST_USE;
void db_close(struct db **db); /* no transaction may be under way */
/* Applies what is missing, each schema in order. DB_NEWER: a schema in the file is ahead of this binary's;
 * `ret_schema` names it. */
int db_migrate(struct db *db, const struct db_schema *schemas, size_t count,
               const char **ret_schema) MUST_USE;
struct db_stats db_stats(struct db *db);
/* For tests: tx_later is tx_exec, so that a statement that breaks a constraint is known where it is said. */
void db_run_at_once(struct db *db, bool at_once);
/* Copies a database file as it is at one moment, also while it is used; what `to` was is gone. Synced. */
int db_copy(const char *from, const char *to) MUST_USE;

/* Sees all that was committed before. Not by a thread that is within a write transaction, which sees its own.
 */
int db_read(struct db *db, struct tx **ret) MUST_USE;
/* The same for a short look that many take while others write: rather than let other connections see what has
 * been committed since they last did, it takes its turn. It is ended by db_commit, after which what it saw of
 * its subject is durable: it waits for that if a transaction that is under way to the disk touches the
 * subject (tx_touches), or has not said that it does not. DB_ANYTHING: for whatever is under way. */
int db_look(struct db *db, uint64_t subject, struct tx **ret) MUST_USE;
/* The same for a thread that must not wait, and db_commit does not either. DB_BUSY: it would have to, for the
 * disk, or for more than a moment for its turn. */
int db_look_soon(struct db *db, uint64_t subject, struct tx **ret) MUST_USE;
int db_begin(struct db *db, struct tx **ret) MUST_USE;
/* The same for what many do and hardly anybody undoes after it has changed something: it has no savepoint,
 * which keeps a copy of each page that is changed. When it is undone all the same, everybody waits for some
 * milliseconds while all that others did lately is done again: not for what a caller may have refused at
 * will. */
int db_begin_sure(struct db *db, struct tx **ret) MUST_USE;
/* Durable when it returns 0; on a fault nothing of the transaction remains. Always leaves *tx NULL. */
int db_commit(struct tx **tx) MUST_USE;
/* Who is told of a commit that nobody waits for: once, on any thread, perhaps before db_commit_later returns.
 * `done` must be quick and use no database. `result`: 0, or a fault and nothing of the transaction remains.
 */
struct db_later {
    void (*done)(struct db_later *later, int result);
    struct db_later *next; /* db's own */
};
/* The same as db_commit for a write transaction, without waiting for the disk. A fault: it is known at once,
 * and `later` is not told. Other transactions may see what it did, and are durable no sooner. */
int db_commit_later(struct tx **tx, struct db_later *later) MUST_USE;
/* Ends a read transaction, or undoes a write transaction; CLEANUP-able, does nothing for NULL. */
void db_end(struct tx **tx);

/* Signals the topic (base/wake.h) once the transaction is durable; never when it is undone. */
void tx_wake(struct tx *tx, const char *topic_fmt, ...) PRINTF_LIKE(2, 3);
/* Signals it as soon as other write transactions and looks see what this one did, so that who waits for it
 * works while the disk does: for those that look by db_look, and whose own work is a write transaction, which
 * is durable no sooner than this one. Never when it is undone before that. */
void tx_wake_soon(struct tx *tx, const char *topic_fmt, ...) PRINTF_LIKE(2, 3);
/* Says that looks at a subject may see it changed by this transaction. `subject`: a hash, not 0. */
void tx_touches(struct tx *tx, uint64_t subject);
/* Says that they see nothing else changed; a transaction that does not may have changed anything. */
void tx_touches_no_more(struct tx *tx);
/* True for a write transaction. */
bool tx_writes(const struct tx *tx);
/* What a write transaction or a look has read is still so for another of the same epoch, unless one of them
 * has changed it: nothing that any has changed is undone within an epoch. No two open databases share one. 0:
 * the transaction sees what is published, which may be less. */
uint64_t tx_epoch(const struct tx *tx);

/* `types` has one letter for each parameter that follows:
 *   s const char *  (NULL binds NULL)    S struct str  (ptr NULL binds NULL)
 *   b struct str as bytes (the same)     i int64_t     n nothing (binds NULL)
 * (an empty text or empty bytes need a ptr: STR(""))
 * Runs a statement that gives no rows. 0, DB_EXISTS, or a fault. */
int tx_exec(struct tx *tx, const char *sql, const char *types, ...) MUST_USE;
/* The same for a statement that cannot fail but for want of memory or disk: its rows' keys are new or stay,
 * no value is NULL that must not be. In a transaction of db_begin_sure that has used nothing but this, it is
 * recorded, and run before anybody reads anything that it may change, mostly after the transaction and
 * without its turn. One that breaks a constraint then is an error in the log and left out, here and whenever
 * the redo log is run again: the transaction is acknowledged, and nobody is there to be told. */
int tx_later(struct tx *tx, const char *sql, const char *types, ...) MUST_USE;
/* Rows changed by the last tx_exec. */
int64_t tx_changes(struct tx *tx);
/* Starts a query; rows are fetched by rows_next. Text parameters are copied. 0, DB_EXISTS (for … RETURNING),
 * fault. */
int tx_query(struct tx *tx, struct rows **ret, const char *sql, const char *types, ...) MUST_USE;
/* The same, positioned on the first row: 0, DB_NONE (no row; *ret stays NULL), DB_EXISTS (for … RETURNING),
 * fault. */
int tx_query_row(struct tx *tx, struct rows **ret, const char *sql, const char *types, ...) MUST_USE;
/* 0: on a row; DB_NONE: past the last; fault. */
int rows_next(struct rows *rows) MUST_USE;
void rows_close(struct rows **rows); /* CLEANUP-able; close before the transaction ends */

/* Columns from 0; valid until the next rows_next or rows_close. NULL columns: 0, {NULL,0}, NULL. */
int64_t rows_int(struct rows *rows, int column);
struct str rows_str(struct rows *rows, int column); /* NUL-terminated */
const char *rows_text(struct rows *rows, int column);
struct str rows_bytes(struct rows *rows, int column);
bool rows_null(struct rows *rows, int column);
