/* Signing keys that were derived before. A key is four digests, and whoever sends requests sends many to a
 * few services. */
#include "base/mem.h"
#include "wire/sigv4.h"
#include <pthread.h>
#include <stdio.h>

#define SLOTS 8
#define SCOPE_SIZE 96 /* a longer scope's key is not kept */

struct sigv4_keys {
    pthread_mutex_t lock;
    size_t next; /* the slot that was not written for longest */
    struct slot {
        char scope[SCOPE_SIZE];
        unsigned char key[SIGV4_KEY_SIZE];
    } slots[SLOTS];
};

int sigv4_keys_new(struct sigv4_keys **ret)
{
    struct sigv4_keys *keys = mem_alloc(sizeof(*keys));

    if (!keys)
        return FAULT(ENOMEM);
    pthread_mutex_init(&keys->lock, NULL);
    *ret = keys;
    return 0;
}

void sigv4_keys_free(struct sigv4_keys **ret)
{
    struct sigv4_keys *keys = take(*ret);

    if (!keys)
        return;
    pthread_mutex_destroy(&keys->lock);
    explicit_bzero(keys, sizeof(*keys));
    free(keys);
}

static bool find(struct sigv4_keys *keys, const char *scope, unsigned char ret[SIGV4_KEY_SIZE])
{
    bool found = false;

    pthread_mutex_lock(&keys->lock);
    for (size_t i = 0; i < SLOTS && !found; i++) {
        found = strcmp(keys->slots[i].scope, scope) == 0;
        if (found)
            memcpy(ret, keys->slots[i].key, SIGV4_KEY_SIZE);
    }
    pthread_mutex_unlock(&keys->lock);
    return found;
}

static void keep(struct sigv4_keys *keys, const char *scope, const unsigned char key[SIGV4_KEY_SIZE])
{
    pthread_mutex_lock(&keys->lock);
    struct slot *slot = &keys->slots[keys->next++ % SLOTS];
    str_copy(slot->scope, sizeof(slot->scope), scope);
    memcpy(slot->key, key, SIGV4_KEY_SIZE);
    pthread_mutex_unlock(&keys->lock);
}

int sigv4_keys_get(const struct sigv4_credentials *credentials, struct str date, struct str region,
                   struct str service, unsigned char ret[SIGV4_KEY_SIZE])
{
    char scope[SCOPE_SIZE];
    int len = snprintf(scope, sizeof(scope), STR_FMT "/" STR_FMT "/" STR_FMT, STR_ARG(date), STR_ARG(region),
                       STR_ARG(service));
    bool kept = credentials->keys && len > 0 && (size_t)len < sizeof(scope);

    if (kept && find(credentials->keys, scope, ret))
        return 0;
    int r = sigv4_key(credentials->secret_access_key, date, region, service, ret);
    if (r == 0 && kept)
        keep(credentials->keys, scope, ret);
    return r;
}
