/* The writer: whose turn it is on the one write connection, and the groups of transactions (group.h) that
 * share a frame of the redo log and its sync.
 *
 * A caller takes the turn (writer_begin), works in a savepoint of the batch (batch.h), or without one, and
 * gives the turn up (writer_commit or writer_undo). While one group is being synced, the next gathers: who
 * works does not wait for the disk. Who reads on another connection calls writer_publish first. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "db/conn.h"
#include "db/db.h"
#include "db/touched.h"

struct writer;
struct group;

enum writer_want {
    WRITER_PUBLISH_SOON, /* a batch has been opened */
    WRITER_PUBLISH,      /* it has grown large */
    WRITER_MOVE,         /* a log has grown beyond what is kept */
};

struct writer_watch {
    void (*wants)(void *arg, enum writer_want want); /* called by the turn's holder: it must be quick */
    void *arg;
    int64_t batch_bytes; /* of the redo log, of a batch that is large */
    int64_t redo_bytes;  /* of the redo log that wants to begin anew */
    int move_pages;      /* of SQLite's log that want to be moved into the database */
    int pause_pages;     /* of a log that wants to begin anew, whatever has been moved of it */
    int most_pages;      /* of SQLite's log; then who begins moves them himself */
};

int writer_open(const char *path, struct writer **ret) MUST_USE;
void writer_close(struct writer **writer);
struct conn *writer_conn(struct writer *writer);
struct db_stats writer_stats(struct writer *writer);
/* NULL: nobody is told any more. */
void writer_watch(struct writer *writer, const struct writer_watch *watch);

/* Waits for the turn and starts a transaction. `sure`: it will hardly be undone once it has changed something
 * by writer_conn; then it has no savepoint, which would keep a copy of each page that it changes, and has to
 * claim the connection before it uses it. A fault, -ENOSPC: what was committed before could not be moved on.
 */
int writer_begin(struct writer *writer, bool sure) MUST_USE;
/* writer_conn is the transaction's from now on, and sees what it has recorded before. */
int writer_claim(struct writer *writer) MUST_USE;
/* Else what is recorded is run later. */
bool writer_has_claimed(const struct writer *writer);
/* Where the transaction's statements are recorded (record.h); an error in it fails the commit. */
struct buf *writer_records(struct writer *writer);
/* Who is told that the work is seen by whoever has the turn next, which the teller still has; NULL:
 * nobody. */
struct writer_seen {
    void (*tell)(void *arg);
    void *arg;
};
/* Gives the turn up and returns when the group is durable, or has failed. `touched`: by what was recorded. */
int writer_commit(struct writer *writer, const struct touched *touched,
                  const struct writer_seen *seen) MUST_USE;
/* The same without waiting: `later` is told, unless it returns a fault. */
int writer_commit_later(struct writer *writer, const struct touched *touched, const struct writer_seen *seen,
                        struct db_later *later) MUST_USE;
/* For the turn's holder: see tx_epoch. */
uint64_t writer_epoch(const struct writer *writer);
/* Undoes the transaction and gives the turn up. */
void writer_undo(struct writer *writer);
/* True when SQLite has undone the transaction by itself: it can only be undone. */
bool writer_lost(struct writer *writer);

/* Waits for the turn, to read on writer_conn. *ret_until is the group that is to be durable before anybody is
 * told what was read, as far as it is about the subject; NULL: all of that is. DB_NONE: nothing is there that
 * other connections do not see; the turn is given up. `soon`: DB_BUSY instead of a group to wait for, or of a
 * wait for the turn that is longer than a moment. */
int writer_look(struct writer *writer, uint64_t subject, bool soon, struct group **ret_until) MUST_USE;
/* Gives the turn up, and the reference after the group is durable, or has failed. */
int writer_looked(struct writer *writer, struct group *until) MUST_USE;
/* The same for what nobody is told: without waiting. */
void writer_look_undo(struct writer *writer, struct group *until);

/* Lets other connections see all that has been committed so far. Not within a write transaction. */
int writer_publish(struct writer *writer) MUST_USE;
bool writer_is_published(struct writer *writer);
/* Publishes, and closes the batch even if it has nothing. */
int writer_flush(struct writer *writer) MUST_USE;
/* The same, then calls `move` while nobody else can write. When it says that the database file has all, and
 * is synced, both logs may begin anew: the redo log does unless it is short. */
int writer_pause(struct writer *writer, bool (*move)(void *arg), void *arg) MUST_USE;
/* Begins the redo log anew if it is long, and syncs SQLite's log before that. */
int writer_restart_log(struct writer *writer) MUST_USE;
/* So many pages of SQLite's log are in the database. `all`: it has no more, and begins anew. */
void writer_log_moved(struct writer *writer, int pages, bool all);
