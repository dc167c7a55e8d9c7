/* One delivery carried to its endpoint. */
#pragma once

#include "base/reason.h"
#include "http/client.h"
#include "http/mail.h"
#include <jansson.h>

struct carrier {
    struct http_client *http;
    struct mail_server mail; /* url NULL: none is set */
    const char *mail_from;
    const bool *cancel;
};

enum carry_outcome {
    CARRY_FAILED = 1,   /* may work later */
    CARRY_REFUSED = 2,  /* will not */
    CARRY_RELEASED = 3, /* this courier stops */
};

/* `delivery` as PollForDeliveries gives it. 0: it has arrived; else one of the above, or a fault that is this
 * machine's. *ret_status: what the endpoint answered, 0: nothing. */
int carry(const struct carrier *carrier, const json_t *delivery, unsigned *ret_status,
          struct reason *why) MUST_USE;
