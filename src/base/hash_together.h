/* Hashes of whole short bodies, which wait until somebody needs one: he computes those of others along with
 * it, MD5s side by side (md5_many.h), and they find theirs done. */
#pragma once

#include "base/hash.h"

struct hash_together {
    struct hash *hash; /* NULL: none waits */
    struct str bytes;
    struct hash_together *next, *previous; /* those that wait */
    enum { TOGETHER_WAITS, TOGETHER_TAKEN, TOGETHER_DONE } state;
};

/* From now on the hash and the bytes must stay as they are until the end. */
void hash_together_begin(struct hash_together *one, struct hash *hash, struct str bytes);
/* The hash has got the bytes, and is the caller's again. Of one that never began: nothing. */
void hash_together_end(struct hash_together *one);
/* The same without the bytes, unless somebody has computed it already. */
void hash_together_drop(struct hash_together *one);
