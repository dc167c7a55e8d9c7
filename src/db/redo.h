/* The redo log, a file beside the database: what committed transactions did, as frames that are written and
 * synced as a whole, each shared by the transactions of a group. A transaction is durable when its frame is;
 * the database itself follows later, many transactions at a time, and says how far it has come. What it has
 * not at a crash is read from here.
 *
 * Frames of one generation follow each other from the file's beginning. When all of them are in the database,
 * durably, the log begins anew with the next generation, over the bytes of the last. A generation's number is
 * random at a database's birth: frames of another database are never taken for one's own.
 *
 * Used by one thread at a time. */
#pragma once

#include "base/base.h"
#include "base/buf.h"

#define REDO_SUFFIX "-redo"
#define REDO_HEADER_SIZE 40

struct redo;

struct redo_position {
    int64_t generation;
    int64_t offset; /* bytes from the file's beginning */
};

enum redo_outcome {
    REDO_NONE = 1, /* no frame follows */
    REDO_BUSY = 2, /* another has the log open for writing */
};

/* `path` is the database's. Made when missing, with mode 0600; locked until it is closed. 0, REDO_BUSY. */
int redo_open(const char *path, struct redo **ret) MUST_USE;
/* To read what a process, perhaps a running one, has written. 0, REDO_NONE (there is no log). */
int redo_open_reading(const char *path, struct redo **ret) MUST_USE;
void redo_close(struct redo **redo); /* CLEANUP-able */
/* Removes the log of a database that has all of it, durably. */
int redo_remove(const char *path) MUST_USE;
int64_t redo_new_generation(void);

/* Where the next frame is written or read. */
struct redo_position redo_at(const struct redo *redo);
void redo_seek(struct redo *redo, struct redo_position at);
/* True for a log that was just made: nothing was ever written to it. */
bool redo_is_new(const struct redo *redo);
/* Fills the header, which `frame` begins with REDO_HEADER_SIZE bytes for, writes and syncs. After a fault the
 * frame may be in the file nevertheless: an empty one is put in its place, at once or before the next. */
int redo_append(struct redo *redo, struct buf *frame) MUST_USE;
bool redo_is_torn(const struct redo *redo);
/* Begins the next generation at the file's beginning. */
void redo_restart(struct redo *redo);
/* Reads the next frame's content, without its header: 0, REDO_NONE. At the end of a generation whose
 * successor has begun it goes on there. */
int redo_read(struct redo *redo, struct buf *ret) MUST_USE;
/* Whether frames of this generation are gone that a reader has perhaps not read: another has begun over them.
 */
int redo_was_restarted(const struct redo *redo, bool *ret) MUST_USE;
