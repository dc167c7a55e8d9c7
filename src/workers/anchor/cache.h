/* Artifacts by SHA-256 in a folder: fetched once, verified on every use, kept under a size, least recently
 * used out. Several threads, and several anchors on one folder, may use it at once. */
#pragma once

#include "base/base.h"
#include "base/reason.h"

struct cache;

enum cache_outcome {
    CACHE_E_DIGEST = 1, /* the fetched bytes are others than asked for: refused */
    CACHE_E_FETCH = 2,  /* the fetch function's positive outcome; its words are in *why */
};

/* Makes the folder when it is not there. */
int cache_new(const char *dir, int64_t max_bytes, struct cache **ret) MUST_USE;
void cache_free(struct cache **cache);

struct cache_source {
    /* Writes the artifact's bytes to `fd`. 0, fault, or >0 with words in *why. */
    int (*fetch)(void *ctx, int fd, struct reason *why);
    void *ctx;
};

/* Gives an fd open for reading on exactly those bytes; it stays good when the entry is evicted. */
int cache_get(struct cache *cache, const char *sha256_hex, const struct cache_source *source, int *ret_fd,
              struct reason *why) MUST_USE;
/* Whether it need not be fetched, most probably. */
bool cache_has(struct cache *cache, const char *sha256_hex);
/* Bytes that the cache holds now. */
int64_t cache_bytes(struct cache *cache);
/* SHA-256 of a file from its start, in hex (65 bytes). */
int cache_digest(int fd, char *ret_hex) MUST_USE;
