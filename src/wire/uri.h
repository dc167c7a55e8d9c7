/* URI parts and x-www-form-urlencoded pairs. Source: RFC 3986; SigV4's own encoding rules. */
#pragma once

#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"

struct uri_pair {
    struct str name;
    struct str value; /* decoded; may hold any byte, also NUL */
    bool has_value;   /* `?acl` against `?acl=` */
};

struct uri_query {
    struct uri_pair *pairs;
    size_t count;
};

#define URI_MAX_PAIRS 10000
#define URI_E_BAD 1

/* Percent-decodes; `plus_is_space` for forms. URI_E_BAD on a bad escape. The result is in the arena,
 * NUL-terminated. */
int uri_decode(struct arena *arena, struct str s, bool plus_is_space, struct str *ret) MUST_USE;
/* Percent-encodes all but A-Za-z0-9-._~ and, with keep_slash, '/'. */
void uri_encode(struct buf *out, struct str s, bool keep_slash);
/* As a form's field (a blank is `+`; letters, digits and `-_.*` are themselves), but slashes are kept: S3's
 * encoding-type=url, as its clients decode it and as recorded from S3. */
void uri_encode_listed(struct buf *out, struct str s);
int uri_parse_query(struct arena *arena, struct str query, bool plus_is_space,
                    struct uri_query *ret) MUST_USE;
/* First value of that name, or {NULL,0}. */
struct str uri_get(const struct uri_query *query, const char *name);
bool uri_has(const struct uri_query *query, const char *name);
