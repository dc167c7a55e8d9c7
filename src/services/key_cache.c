/* A direct-mapped table: a key has one slot, a newcomer takes its place. */
#include "services/key_cache.h"
#include "base/mem.h"
#include "base/wake.h"
#include <pthread.h>

#define SLOTS 512

struct slot {
    struct iam_key key;
    wake_ticket ticket;
    bool used;
};

struct key_cache {
    struct db *db;
    pthread_mutex_t lock;
    struct slot *slots[SLOTS]; /* made when first used */
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

int key_cache_find(struct key_cache *cache, const char *access_key_id, const char *token, bool may_wait,
                   struct iam_key *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    wake_ticket ticket = wake_look(IAM_TOPIC_KEYS); /* before reading: a change meanwhile makes it stale */
    if (cached(cache, access_key_id, ticket, ret))
        return 0;
    int r = may_wait ? db_read(cache->db, &tx) : KEY_CACHE_ABSENT;
    if (r == 0)
        r = iam_key_find(tx, access_key_id, token, ret);
    if (r == 0)
        remember(cache, ret, ticket);
    return r;
}
