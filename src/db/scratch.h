/* Files without a name, in memory: what SQLite keeps of pages before a savepoint changes them, and what it
 * sorts. Its own files in memory are made of pieces of a kilobyte, allocated and freed by each transaction: a
 * tenth of a small one. */
#pragma once

#include "base/base.h"
#include <sqlite3.h>

extern const int scratch_size; /* bytes of what scratch_open fills */
/* An empty one; it goes with its xClose. Growing it may be SQLITE_IOERR_NOMEM. */
void scratch_open(sqlite3_file *file);
