/* Messages in, work by key: several keys at once, one at a time per key and in order. While a message waits
 * or is worked on, it stays invisible to others; it is deleted when all that it tells of is done.
 *
 * A message whose work fails for good is sent to the dead-letter queue and deleted (a crash between the two
 * leaves it in both: it then fails, and is moved, again). One that fails for now becomes visible again after
 * a while that grows, and the queue's own redrive moves it after its fifth receipt. */
#pragma once

#include "workers/launcher/release.h"
#include "workers/launcher/setup.h"

struct intake;

int intake_new(const struct releaser *releaser, const struct setup *setup, size_t threads,
               struct intake **ret) MUST_USE;
/* Receives with `poller` (a client of its own, to be cancelled at the stop) until the worker stops. */
void intake_run(struct intake *intake, struct aws_client *poller);
/* Waits for what is under way, gives the rest back. */
void intake_free(struct intake **intake);
