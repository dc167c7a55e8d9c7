/* Who has the write connection, and what is recorded for it but not run on it yet. A transaction may only
 * record its statements (tx_later): they are run by whoever needs the connection next, before all else, or by
 * a thread of this file's own when there is enough of them, beside those who have the writer's turn. So much
 * of the work of a transaction is done without the turn.
 *
 *   turn → connection → the list of what was added      the order in which they are taken */
#pragma once

#include "base/base.h"
#include "db/batch.h"

struct behind;

/* `failed`: told by the thread that something could not be run; any thread, quick. */
int behind_open(struct batch *batch, void (*failed)(void *arg), void *arg, struct behind **ret) MUST_USE;
void behind_close(struct behind **behind); /* CLEANUP-able; before the batch */
/* Adds what a transaction recorded (record.h); by the turn's holder while he has not claimed the connection.
 */
int behind_add(struct behind *behind, struct str records) MUST_USE;
/* Whether one of them was left out since this was last asked: it broke a constraint. */
bool behind_left_out(struct behind *behind);
/* Of what was added and is not run yet. */
size_t behind_bytes(const struct behind *behind);

/* Runs what was added so far, but for what others take from it, and lets those go first who want the
 * connection. Without the turn, by who will need the connection, and by the thread. False: something could
 * not be run, and who has the connection next sees to it. */
bool behind_catch_up(struct behind *behind);

/* Waits for the connection, which is the caller's until behind_release, also after a fault; runs all that was
 * added. A fault: not all of it, and nothing more of it will be until behind_forget. */
int behind_claim(struct behind *behind) MUST_USE;
void behind_release(struct behind *behind);
/* With the connection: runs further records. */
int behind_run(struct behind *behind, struct str records) MUST_USE;
/* With the connection: what was added and not run is somebody else's matter. */
void behind_forget(struct behind *behind);
