/* The one write connection and its redo log. What transactions do goes into SQLite's open transaction, the
 * batch, which is committed only now and then: until then the redo log alone makes it durable. So a page that
 * many transactions change is written once, and no commit waits for the disk.
 *
 *   closed   the database has all that the log has
 *   open     SQLite's transaction has what the log's last frames say, and perhaps more
 *   broken   the two may differ: batch_heal undoes the transaction and runs the frames again
 *
 * Used by the holder of the writer's turn (writer.c); nobody may be appending to the log during batch_flush,
 * batch_restart and batch_heal. */
#pragma once

#include "base/base.h"
#include "db/conn.h"
#include "db/redo.h"

#define BATCH_RESERVED_BYTES (32LL << 20) /* of the disk, for SQLite's log */

struct batch;

/* Opens the database for writing, and brings it to what the log says. -EBUSY: another process has it open. */
int batch_open(const char *path, struct batch **ret) MUST_USE;
/* What was not flushed stays in the log, which is removed only if the database has all of it and is one file.
 */
void batch_close(struct batch **batch);
struct conn *batch_conn(struct batch *batch);
struct redo *batch_redo(struct batch *batch);

/* Opens the transaction unless it is open. */
int batch_begin(struct batch *batch) MUST_USE;
bool batch_is_open(const struct batch *batch);
/* True when SQLite has undone the open transaction by itself: it is broken. */
bool batch_lost(const struct batch *batch);
/* Commits what is open, so that other connections see it. On a fault the batch is broken. */
int batch_flush(struct batch *batch) MUST_USE;
/* Undoes what is open and is not in the log, whatever has happened before. On a fault it is broken still. */
int batch_heal(struct batch *batch) MUST_USE;
/* Syncs the database's own log, after which the redo log may begin anew. */
int batch_sync(const struct batch *batch) MUST_USE;
/* Moves the pages of SQLite's log into the database, as far as nobody reads them there; after batch_flush. */
int batch_move_log(struct batch *batch) MUST_USE;
/* Begins the redo log anew, unless its last frame failed; after batch_flush and batch_sync. */
void batch_restart(struct batch *batch);
/* Bytes of the redo log. */
int64_t batch_log_bytes(const struct batch *batch);

/* Brings `copy`, a copy of a database, to what the database's redo log says, which was opened before the copy
 * was made (NULL: there was none), and makes it a database of its own. BATCH_AGAIN: the log has begun anew
 * since, and the copy is too old for it. */
#define BATCH_AGAIN 1
int batch_catch_up(struct conn *copy, struct redo *redo) MUST_USE;
