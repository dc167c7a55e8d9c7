/* An answer while the body still comes in: for request.c. */
#pragma once

#include "http/inflight.h"

/* Sends what the handler said though the body is not over. */
enum early {
    EARLY_SENT,
    EARLY_NOT,   /* it can wait until the body is over */
    EARLY_CLOSE, /* the client is gone, or has half of it */
};
enum early early_answer(struct inflight *flight);
