/* Who may do what with a queue: its account, and whom its policy names; a denial of the policy wins.
 *
 * Identities' policies are not evaluated (docs/limits.md): its account may do all that is not denied, others
 * what the policy allows, but for what is the owner's alone. */
#pragma once

#include "services/sqs/api.h"

/* What the request's operation asks for. SQS_E_DENIED. */
int queue_access(struct call *c, const struct queue *queue) MUST_USE;
/* Whether the queue takes what the service sends: its policy must say so. Where it has none, what its own
 * account's buckets and topics send, unless that is new. SQS_E_DENIED. */
int queue_admit(const struct platform *platform, const struct queue *queue, const struct sender *sender,
                struct reason *why) MUST_USE;
