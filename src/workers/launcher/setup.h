/* What the launcher needs to find: buckets with who may use them, queues, the notification between them. */
#pragma once

#include "workers/call.h"

#define ARTIFACT_BUCKET "artifacts"
#define STORE_BUCKET "slipway-pipeline-store"
#define EVENT_QUEUE "slipway-artifact-events"
#define DEAD_LETTER_QUEUE "slipway-artifact-events-dlq"
#define VISIBILITY_S 10

struct setup {
    char queue_url[512];
    char dead_letter_url[512];
};

/* Makes what is missing; a bucket that has a policy keeps it. Outcomes are call.h's. */
int setup_ensure(struct aws_client *client, struct setup *ret, struct reason *why) MUST_USE;
