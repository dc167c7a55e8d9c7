/* The thread that takes the logs on, so that no caller does: it publishes what the redo log alone has had for
 * a while, moves the pages of SQLite's log into the database file, and lets the redo log begin anew. */
#pragma once

#include "base/base.h"
#include "db/writer.h"

struct checkpoint;

int checkpoint_start(const char *path, struct writer *writer, struct checkpoint **ret) MUST_USE;
void checkpoint_stop(struct checkpoint **checkpoint);
