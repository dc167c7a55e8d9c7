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

struct replay; /* statements prepared for a run of records */

int replay_new(struct conn *conn, struct replay **ret) MUST_USE;
void replay_free(struct replay **replay); /* CLEANUP-able */
/* From now on a statement that breaks a constraint is told of and left out: it does so each time the records
 * are run again. *left_out, which may be NULL, is set. */
void replay_leaves_out(struct replay *replay, atomic_bool *left_out);
/* Runs the records again on the connection, within its open transaction. -EBADMSG: they are no records. */
int replay_run(struct replay *replay, struct str records) MUST_USE;
/* The same until all or as many bytes are done; what is left is left in `records`, whole records. */
int replay_some(struct replay *replay, struct str *records, size_t most_bytes) MUST_USE;
