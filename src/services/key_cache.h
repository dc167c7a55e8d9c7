/* Access keys in memory, so that a signed request costs no read of the database; some ids of which there is
 * none, too. An entry is good as long as nobody has signalled IAM_TOPIC_KEYS since it was read. */
#pragma once

#include "services/iam/iam.h"
#include "wire/sigv4.h"

#define KEY_CACHE_ABSENT 100 /* apart from IAM's outcomes */

struct key_cache;

int key_cache_new(struct db *db, struct key_cache **ret) MUST_USE;
void key_cache_free(struct key_cache **cache);
/* As iam_key_find; the caller compares the token that it finds with the request's. KEY_CACHE_ABSENT: it
 * is not in memory, and who asks may not wait. */
int key_cache_find(struct key_cache *cache, const char *access_key_id, const char *token, bool may_wait,
                   struct iam_key *ret) MUST_USE;
/* sigv4_key's of the key and the claim's scope. */
int key_cache_signing(struct key_cache *cache, const struct iam_key *key, const struct sigv4_claim *claim,
                      unsigned char ret[SIGV4_KEY_SIZE]) MUST_USE;
