/* The process below which launcher, courier and anchors run: started by `slipway serve` (supervise.h), not by
 * people. It forks them rather than have each load the program anew: what the program's libraries look like
 * when they are loaded is there once for all, which is two thirds of a worker's memory.
 *
 *     slipway run-workers CACHE_DIR CREW_ROOM
 *
 * Each line of standard input has a worker run from then on: COMMAND ACCOUNT ACCESS_KEY_ID SECRET_ACCESS_KEY.
 * At the input's end its server has ended: so does it, and the workers with it. SIGTERM: the workers are told
 * to stop, and killed after a while. */
#pragma once

#define CREW_COMMAND "run-workers"
/* The last word of its command line: as long as what a worker's has more. */
#define CREW_ROOM "(launcher, courier and the anchor of each local account run below)"

int crew_main(int argc, char **argv);
