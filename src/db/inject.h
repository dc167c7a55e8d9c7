/* Fault injection below SQLite: its file calls and allocations count as base/fail.h's. */
#pragma once

#include "base/base.h"

/* Installs allocator and VFS once in the process, before SQLite's first use. */
int inject_install(void) MUST_USE;
/* The VFS's name, for sqlite3_open_v2. */
#define INJECT_VFS "slipway"
