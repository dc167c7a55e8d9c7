/* The event log: one JSON line per thing that the launcher did or refused, in Logs group /slipway/launcher.
 * README.md describes the members. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "http/aws.h"
#include <jansson.h>

#define JOURNAL_GROUP "/slipway/launcher"

struct journal;

/* Makes the group and this launcher's stream. Outcomes are workers/call.h's. */
int journal_new(struct aws_client *client, struct journal **ret, struct reason *why) MUST_USE;
void journal_free(struct journal **journal);
/* Adds the time and writes; takes the record, also on failure. */
int journal_write(struct journal *journal, json_t *record, struct reason *why) MUST_USE;
