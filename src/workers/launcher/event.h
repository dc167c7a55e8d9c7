/* S3's event notifications, as they come in queue messages.
 * Source: Amazon S3 User Guide, "Event message structure". */
#pragma once

#include "base/base.h"
#include "base/reason.h"

#define EVENT_RECORDS_MAX 100

struct event_record {
    char *bucket;
    char *key; /* decoded */
    char *version_id;
    char *sequencer;
};

struct event {
    struct event_record *records; /* of ObjectCreated:* only */
    size_t count;
    bool is_test; /* s3:TestEvent: nothing to do */
};

#define EVENT_E_BAD 1

int event_parse(struct str body, struct event *ret, struct reason *why) MUST_USE;
void event_deinit(struct event *event); /* CLEANUP-able on a zeroed one */
