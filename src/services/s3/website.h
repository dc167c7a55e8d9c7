/* A bucket's website configuration at work: which requests are sent elsewhere, and where to. Pure.
 * Source: S3 user guide, "(Optional) Configuring a webpage redirect". */
#pragma once

#include "base/buf.h"
#include <jansson.h>

/* How the website is reached: redirects that name no host stay there. */
struct website_place {
    const char *scheme; /* "http" */
    struct str host;    /* with its port */
    const char *prefix; /* of paths: "" or "/BUCKET" */
};

#define WEBSITE_STAYS 1

/* Where a request for `key` is sent: before it is looked up (error 0), or after it failed with that HTTP
 * status. Fills *location and *ret_status. WEBSITE_STAYS: nowhere. */
int website_route(const json_t *configuration, const struct website_place *place, const char *key,
                  unsigned error, struct buf *location, unsigned *ret_status) MUST_USE;
/* The index document's suffix; NULL where all requests are redirected. */
const char *website_index(const json_t *configuration);
const char *website_error(const json_t *configuration); /* the error document's key, or NULL */
