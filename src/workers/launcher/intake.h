/* Messages in, work by key: several keys at once, one at a time per key and in order. A message stays
 * invisible to others until it is deleted, when all that it tells of is done and what the journal says of
 * that is written. Both are put off for a moment, for what ends meanwhile.
 *
 * A message whose work fails for good is sent to the dead-letter queue and deleted (a crash between the two
 * leaves it in both: it then fails, and is moved, again). One that fails for now becomes visible again after
 * a while that grows, and the queue's own redrive moves it after its fifth receipt. */
#pragma once

#include "workers/launcher/release.h"
#include "workers/launcher/setup.h"

struct intake;
struct journal;

/* Receives with `poller` until the worker stops: a client of its own, to be cancelled then. `lanes`: keys at
 * once. */
int intake_new(const struct releaser *releaser, const struct setup *setup, struct journal *journal,
               struct aws_client *poller, size_t lanes, struct intake **ret) MUST_USE;
/* Once the worker stops: waits for what is under way, gives the rest back. */
void intake_free(struct intake **intake);
