/* The headers that are kept with objects, as lines of "name:value": Content-Type and the like, and
 * x-amz-meta-*.
 */
#pragma once

#include "services/s3/api.h"

#define REDIRECT_HEADER "x-amz-website-redirect-location"

/* The request's headers that are kept with the object, as lines. S3_E_META_TOO_LARGE. */
int headers_collect(struct call *c, struct buf *out) MUST_USE;
/* What a copy keeps of its source's headers: all but the redirect, which is the request's own. */
int headers_copied(struct call *c, const char *lines, struct buf *out) MUST_USE;
/* Sends what was kept, and defaults. */
void headers_reply(struct call *c, const char *lines);
/* UTF-8 as ISO 8859-1, in which headers are sent, in the call's arena. S3_E_ARGUMENT: it has a character that
 * is not of it, or none for a header. */
int headers_latin1(struct call *c, struct str text, struct str *ret) MUST_USE;
/* Value of a kept header; {NULL,0} when it is not there. */
struct str headers_get(const char *lines, const char *name);
