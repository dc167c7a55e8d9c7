/* The memory that a process holds while it has nothing to do.
 *
 * The kernel maps sixteen pages of a file around each that is touched. So the start of a program with many
 * libraries (relocation, look-up of symbols, initialisers) leaves megabytes of them mapped that it never
 * needs again, as many as the page cache happens to have. Given back, they are read from the page cache, or
 * from the disk, by whoever touches them next: a soft fault for sixteen pages. Pages of the page cache are no
 * fewer for it; the system can take them when it needs memory, since nobody maps them. */
#pragma once

#include "base/base.h"

/* Unmaps what nobody can have written of the program and its libraries (code, read-only data; not what
 * relocation wrote), and returns free memory of malloc. From any thread, while others run. Breakpoints of a
 * debugger are lost. */
void resident_give_back(void);

/* Who calls resident_tend in time has it done when the process is up, and again when it has worked much since
 * and does no more. Zeroed: starts. */
struct resident {
    int64_t at_ms; /* clock_mono_ms of the last look; 0: none yet */
    int64_t cpu_us;
    int64_t given_at_cpu_us; /* the CPU time that the process had when it was done; 0: never was */
};

/* What it decides by: true when memory is to be given back now. `cpu_us`: of the process until now. */
bool resident_is_due(struct resident *resident, int64_t now_ms, int64_t cpu_us);
/* Milliseconds until the next call. */
int64_t resident_tend(struct resident *resident);
