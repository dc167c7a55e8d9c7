/* Writes to SQLite's log that follow upon each other, made into few: SQLite writes each page of a commit by
 * two calls.
 *
 * Only between gather_begin and gather_end of the same thread, around a COMMIT: SQLite looks for its pages
 * only when the write of the last one has returned, which writes all. Elsewhere it relies on each write (a
 * page that finds no room in its cache is forgotten then), or does not look at what comes of it (a
 * checkpoint's end). What is left at the end is of a COMMIT that failed, and is dropped. */
#pragma once

#include "base/base.h"
#include <sqlite3.h>

struct gather {
    bool is_log;
    char *bytes; /* NULL: none yet */
    int len;
    sqlite3_int64 at;   /* of the first one in the file */
    sqlite3_int64 next; /* where a write would follow upon the last one; -1: nowhere */
    bool ends_commit;   /* the page that comes next is the last of its commit */
    uint64_t scope;     /* in which they were gathered */
};

void gather_begin(void);
void gather_end(void);

void gather_init(struct gather *gather, bool is_log);
/* SQLite's results. */
int gather_write(struct gather *gather, sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset);
int gather_flush(struct gather *gather, sqlite3_file *file);
void gather_deinit(struct gather *gather);
