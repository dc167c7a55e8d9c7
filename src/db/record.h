/* What a transaction did, as bytes for the redo log: its writing statements with their parameters, in order.
 * Run again over the same state they lead to the same state: SQL here asks for nothing but its parameters and
 * the tables (no random(), no clock; lint checks it). */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "db/conn.h"
#include <stdarg.h>
#include <stdatomic.h>

/* Appends a statement; `types` and `args` as tx_exec takes them. Errors stick to `buf`. */
void record_statement(struct buf *buf, const char *sql, const char *types, va_list *args);
/* Appends SQL of several statements. */
void record_script(struct buf *buf, const char *sql);

/* One of them. Its parts are parts of the records. */
struct record {
    bool is_script;
    struct str sql;
    unsigned parameters;
    struct str arguments; /* the parameters, as they are recorded */
};

/* Takes the first one. -EBADMSG: they are no records. */
int record_take(struct str *records, struct record *ret) MUST_USE;
/* Its nth parameter (1 …) if it is a text; else {NULL,0}. */
struct str record_text(const struct record *record, unsigned number);
/* Of a statement's text, or a key; quick. */
uint64_t record_hash(struct str text);

struct replay; /* statements prepared for a run of records */

int replay_new(struct conn *conn, struct replay **ret) MUST_USE;
void replay_free(struct replay **replay); /* CLEANUP-able */
/* From now on a statement that breaks a constraint is told of and left out: it does so each time the records
 * are run again. *left_out, which may be NULL, is set. */
void replay_leaves_out(struct replay *replay, atomic_bool *left_out);
/* Runs the records again on the connection, within its open transaction. -EBADMSG: they are no records. */
int replay_run(struct replay *replay, struct str records) MUST_USE;
/* Another record's parameters that one record has instead of its own. */
struct amendment {
    const struct record *by;
    const unsigned char *numbers; /* whose place each of them takes (1 …); 0: none */
};
/* Runs one of them. `amendment`: NULL, or what it is amended by. `whole`: none before it was skipped; else
 * that it breaks a constraint is a fault, whatever replay_leaves_out has said. */
int replay_one(struct replay *replay, const struct record *record, const struct amendment *amendment,
               bool whole) MUST_USE;
