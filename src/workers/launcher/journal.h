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
/* What journal_put writes of a record, which is of now; takes the record, also on failure. */
int journal_event(json_t *record, json_t **ret) MUST_USE;
/* Writes events, in as many requests as it takes; on a failure those that are not written are left. */
int journal_put(struct journal *journal, json_t *events, struct reason *why) MUST_USE;
