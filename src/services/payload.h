/* A streamed body that comes in chunks (wire/chunked.h): unpacked, and verified chunk by chunk, before the
 * operation sees its bytes. */
#pragma once

#include "services/exchange.h"

struct payload; /* in the request's arena */

/* Whether S3 takes a body that is signed like that ("STREAMING-…"). */
bool payload_known(struct str payload_hash);
/* Sets x->payload when the request's body is in chunks. 0, a refusal, or a fault. */
int payload_begin(struct exchange *x) MUST_USE;
/* Some of the body. `deliver` gets what is in the chunks; what it returns other than 0 is passed on in
 * *ret_outcome with 0 as the result. A refusal, or a fault. */
int payload_take(struct exchange *x, struct str bytes,
                 int (*deliver)(struct exchange *x, const void *bytes, size_t len),
                 int *ret_outcome) MUST_USE;
/* The body has ended: is it whole? A refusal, or a fault. */
int payload_finish(struct exchange *x) MUST_USE;
/* Where some of the body may come in before it is taken; NULL: nowhere. */
void *payload_place(struct exchange *x, size_t *ret_room) MUST_USE;
void payload_free(struct exchange *x);
