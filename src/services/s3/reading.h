/* An object on its way out: found, opened, and answered with. */
#pragma once

#include "services/s3/api.h"
#include "services/s3/object_part.h"

struct reading {
    struct bucket bucket;
    struct object object;
    struct blob_source source;
    struct object_part part; /* what partNumber asks for */
    bool has_part;
    bool head;
    bool website; /* s3:GetObject of the key is what is asked for, whatever the request is */
    bool whole;   /* the request's range is of something else */
};

#define READING(head_)                                                                                       \
    {                                                                                                        \
        .source = {.fd = -1}, .head = (head_)                                                                \
    }

void reading_deinit(struct reading *r); /* CLEANUP-able */
/* Finds the object (version_id NULL: the current version) and, unless only its head is asked for, opens its
 * bytes. What api_find_object and api_bucket say; S3_E_DAMAGED. */
int reading_load(struct call *c, const char *key, const char *version_id, struct reading *r) MUST_USE;
/* The request's conditions, then the object, or the range that was asked for when the status is 200.
 * CALL_REPLIED; S3_E_PRECONDITION, S3_E_RANGE. */
int reading_reply(struct call *c, struct reading *r, unsigned status) MUST_USE;
