/* The one write connection: whose turn it is, and the group of transactions that the next sync makes durable.
 *
 * A caller takes the turn (writer_begin), works, and gives it up (writer_commit or writer_undo). The first
 * transaction of a group works in SQLite's own transaction, each later one in a savepoint. Whoever gives the
 * turn up while nobody waits for it commits the group; the others sleep until then. */
#pragma once

#include "base/base.h"
#include "db/conn.h"
#include "db/db.h"

struct writer;

int writer_open(const char *path, struct writer **ret) MUST_USE;
void writer_close(struct writer **writer);
struct conn *writer_conn(struct writer *writer);
struct db_stats writer_stats(struct writer *writer);

/* Waits for the turn and starts a transaction on writer_conn. */
int writer_begin(struct writer *writer) MUST_USE;
/* Gives the turn up and returns when the group is durable, or has failed. */
int writer_commit(struct writer *writer) MUST_USE;
/* Undoes the transaction and gives the turn up. */
void writer_undo(struct writer *writer);
/* True when SQLite has undone the transaction by itself: the group is lost. */
bool writer_lost(struct writer *writer);

/* Calls `checkpoint` from the turn's holder, without a transaction open. */
void writer_pause(struct writer *writer, void (*checkpoint)(void *arg), void *arg);
/* `grown` is called after a commit that left this many pages or more in the log. */
void writer_watch_log(struct writer *writer, int pages, void (*grown)(void *arg), void *arg);
