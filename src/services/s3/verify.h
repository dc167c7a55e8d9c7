/* Whether blobs' bytes on disk still are what was put: asked by the scrubber and by VerifyObjects. */
#pragma once

#include "services/s3/blob.h"
#include <jansson.h>

struct verify_range {
    int64_t after;     /* the id behind which to begin; 0: the first blob */
    int64_t max_bytes; /* a blob is looked at whole; no further one when so many have been read */
    /* Called for each piece that was read; other than 0 ends it all with that outcome. NULL: no matter. */
    int (*pace)(void *ctx, size_t bytes);
    void *ctx;
};

struct verify_findings {
    int64_t blobs;
    int64_t bytes;
    int64_t next; /* where to go on; 0: the last blob was looked at */
    json_t
        *damaged; /* [{bucket, key, versionId, sha256, why}] of objects; the caller's, also after a failure */
};

/* What is found damaged is marked so, and is refused from then on; what was and is sound again is healed. No
 * transaction may be open. */
int blobs_verify(const struct platform *platform, const struct verify_range *range,
                 struct verify_findings *ret) MUST_USE;

/* What is known to be damaged, and how far the scrubber's pass is. */
struct store_health {
    int64_t damaged_blobs;
    int64_t damaged_bytes;
    int64_t pass_began_ms; /* 0: none has begun */
    bool pass_over;
};
int blobs_health(struct tx *tx, struct store_health *ret) MUST_USE;

/* The scrubber: reads every blob again, over and over, at most that many bytes a second (0: never). */
struct scrubber;
int scrubber_start(const struct platform *platform, int64_t bytes_per_s, struct scrubber **ret) MUST_USE;
void scrubber_stop(struct scrubber **scrubber);
