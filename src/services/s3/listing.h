/* Walks a bucket's keys in order, rolling up what shares a prefix up to a delimiter. */
#pragma once

#include "services/s3/object.h"

struct listing {
    const char *bucket;
    struct str prefix;
    struct str delimiter; /* empty: none */
    struct str after;     /* keys and rolled-up prefixes after this one; empty: from the start */
    /* Versions only: those of key `after` that are older than this one, which need not be there any more.
     * NULL: none. */
    const char *after_version;
    int64_t max;
    bool versions; /* every version and marker, not the current objects only */
    void *ctx;
    /* One key (its version), or one rolled-up prefix; `latest`: the key's current version. */
    int (*on_object)(void *ctx, struct str key, const struct object *object, bool latest);
    int (*on_prefix)(void *ctx, struct str prefix);
    /* out */
    int64_t count;
    bool truncated;
    struct buf last; /* key or prefix given last: where the next page starts */
    bool last_is_prefix;
    char last_version[VERSION_ID_SIZE]; /* versions only */
};

int listing_walk(struct tx *tx, struct listing *listing) MUST_USE;
