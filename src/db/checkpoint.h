/* The thread that moves the write-ahead log's pages into the database file, so that no caller waits for it.
 */
#pragma once

#include "base/base.h"
#include "db/group.h"

struct checkpoint;

int checkpoint_start(const char *path, struct writer *writer, struct checkpoint **ret) MUST_USE;
void checkpoint_stop(struct checkpoint **checkpoint);
