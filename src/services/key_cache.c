/* Direct-mapped tables: a key has one slot, a newcomer takes its place. Ids without a key have a table of
 * their own: however many are tried, no key leaves its slot for them. */
#include "services/key_cache.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/wake.h"
#include <pthread.h>

#define SLOTS 512
#define UNKNOWN 64
#define SIGNINGS 4 /* services that one key is used for at a time */
#define SCOPE_SIZE 64

struct signing {
    char scope[SCOPE_SIZE]; /* 20261123/us-east-1/s3; empty: none */
    unsigned char key[SIGV4_KEY_SIZE];
};

struct slot {
    struct iam_key key;
    wake_ticket ticket;
    bool used;
    struct signing signings[SIGNINGS];
    unsigned next; /* of them to be replaced */
};

struct unknown {
    char id[IAM_KEY_ID_SIZE]; /* empty: none */
    wake_ticket ticket;
};

struct key_cache {
    struct db *db;
    pthread_mutex_t lock;
    struct slot *slots[SLOTS]; /* made when first used */
    struct unknown unknown[UNKNOWN];
};

int key_cache_new(struct db *db, struct key_cache **ret)
{
    struct key_cache *cache = mem_alloc(sizeof(*cache));
    if (!cache)
        return FAULT(ENOMEM);
    cache->db = db;
    pthread_mutex_init(&cache->lock, NULL);
    *ret = cache;
    return 0;
}

void key_cache_free(struct key_cache **cache)
{
    if (!*cache)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free((*cache)->slots[i]);
    pthread_mutex_destroy(&(*cache)->lock);
    free(*cache);
    *cache = NULL;
}

static size_t slot_of(const char *id)
{
    uint32_t hash = 2166136261U;
    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619U;
    return (hash ^ hash >> 15) % SLOTS;
}

static bool cached(struct key_cache *cache, const char *id, wake_ticket ticket, struct iam_key *ret)
{
    pthread_mutex_lock(&cache->lock);
    const struct slot *slot = cache->slots[slot_of(id)];
    bool hit =
        slot && slot->used && slot->ticket == ticket && strcmp(slot->key.principal.access_key_id, id) == 0;
    if (hit)
        *ret = slot->key;
    pthread_mutex_unlock(&cache->lock);
    return hit;
}

static void remember(struct key_cache *cache, const struct iam_key *key, wake_ticket ticket)
{
    size_t at = slot_of(key->principal.access_key_id);
    pthread_mutex_lock(&cache->lock);
    if (!cache->slots[at])
        cache->slots[at] = mem_alloc(sizeof(struct slot));
    if (cache->slots[at])
        *cache->slots[at] = (struct slot){.key = *key, .ticket = ticket, .used = true};
    pthread_mutex_unlock(&cache->lock);
}

static bool known_to_be_none(struct key_cache *cache, const char *id, wake_ticket ticket)
{
    pthread_mutex_lock(&cache->lock);
    const struct unknown *unknown = &cache->unknown[slot_of(id) % UNKNOWN];
    bool hit = unknown->ticket == ticket && strcmp(unknown->id, id) == 0;
    pthread_mutex_unlock(&cache->lock);
    return hit;
}

static void remember_none(struct key_cache *cache, const char *id, wake_ticket ticket)
{
    pthread_mutex_lock(&cache->lock);
    struct unknown *unknown = &cache->unknown[slot_of(id) % UNKNOWN];
    str_copy(unknown->id, sizeof(unknown->id), id);
    unknown->ticket = ticket;
    pthread_mutex_unlock(&cache->lock);
}

int key_cache_find(struct key_cache *cache, const char *access_key_id, const char *token, bool may_wait,
                   struct iam_key *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    wake_ticket ticket = wake_look(IAM_TOPIC_KEYS); /* before reading: a change meanwhile makes it stale */
    if (cached(cache, access_key_id, ticket, ret))
        return 0;
    if (!token && known_to_be_none(cache, access_key_id, ticket)) /* a token is a key by itself */
        return IAM_NO_ENTITY;
    int r = may_wait ? db_read(cache->db, &tx) : KEY_CACHE_ABSENT;
    if (r == 0)
        r = iam_key_find(tx, access_key_id, token, ret);
    if (r == 0)
        remember(cache, ret, ticket);
    else if (r == IAM_NO_ENTITY && !token)
        remember_none(cache, access_key_id, ticket);
    return r;
}

/* ---- what signatures are made with */

/* False when it cannot be kept: too long, or no text. */
static bool scope_text(const struct sigv4_claim *claim, char ret[SCOPE_SIZE])
{
    const struct str parts[] = {claim->date, claim->region, claim->service};
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i].len >= SCOPE_SIZE - len || memchr(parts[i].ptr, '\0', parts[i].len))
            return false;
        memcpy(ret + len, parts[i].ptr, parts[i].len);
        len += parts[i].len;
        ret[len++] = '/';
    }
    ret[len - 1] = '\0';
    return true;
}

/* With the lock: the slot, if it is of that very secret. */
static struct slot *slot_with(struct key_cache *cache, const struct iam_key *key)
{
    struct slot *slot = cache->slots[slot_of(key->principal.access_key_id)];
    bool same = slot && slot->used &&
                strcmp(slot->key.principal.access_key_id, key->principal.access_key_id) == 0 &&
                hash_equal(slot->key.secret, key->secret, sizeof(key->secret));
    return same ? slot : NULL;
}

static bool find_signing(struct key_cache *cache, const struct iam_key *key, const char *scope,
                         unsigned char ret[SIGV4_KEY_SIZE])
{
    bool hit = false;
    pthread_mutex_lock(&cache->lock);
    const struct slot *slot = slot_with(cache, key);
    for (size_t i = 0; slot && !hit && i < SIGNINGS; i++) {
        hit = strcmp(slot->signings[i].scope, scope) == 0;
        if (hit)
            memcpy(ret, slot->signings[i].key, SIGV4_KEY_SIZE);
    }
    pthread_mutex_unlock(&cache->lock);
    return hit;
}

static void keep_signing(struct key_cache *cache, const struct iam_key *key, const struct signing *signing)
{
    pthread_mutex_lock(&cache->lock);
    struct slot *slot = slot_with(cache, key);
    if (slot)
        slot->signings[slot->next++ % SIGNINGS] = *signing;
    pthread_mutex_unlock(&cache->lock);
}

int key_cache_signing(struct key_cache *cache, const struct iam_key *key, const struct sigv4_claim *claim,
                      unsigned char ret[SIGV4_KEY_SIZE])
{
    struct signing signing;
    bool fits = scope_text(claim, signing.scope);
    if (fits && find_signing(cache, key, signing.scope, ret))
        return 0;
    int r = sigv4_key(key->secret, claim->date, claim->region, claim->service, signing.key);
    if (r == 0 && fits)
        keep_signing(cache, key, &signing);
    if (r == 0)
        memcpy(ret, signing.key, SIGV4_KEY_SIZE);
    return r;
}
