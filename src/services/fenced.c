/* See fenced.h. */
#include "services/fenced.h"

static void slot_clear(struct fenced *fenced, struct fenced_slot *slot)
{
    if (slot->value)
        fenced->free(slot->value);
    free(slot->key);
    *slot = (struct fenced_slot){0};
}

static void clear(struct fenced *fenced)
{
    for (size_t i = 0; i < FENCED_SLOTS; i++)
        slot_clear(fenced, &fenced->slots[i]);
}

/* Returns with the lock. Who only reads has an epoch of its own, and would have all forgotten. */
static struct fenced_slot *enter(struct fenced *fenced, struct tx *tx, const char *key)
{
    assert(tx_writes(tx));
    pthread_mutex_lock(&fenced->lock);
    if (fenced->epoch != tx_epoch(tx))
        clear(fenced);
    fenced->epoch = tx_epoch(tx);
    return &fenced->slots[str_hash(str_of(key)) % FENCED_SLOTS];
}

static bool is_for(const struct fenced_slot *slot, const char *key)
{
    return slot->key && strcmp(slot->key, key) == 0;
}

void *fenced_take(struct fenced *fenced, struct tx *tx, const char *key)
{
    struct fenced_slot *slot = enter(fenced, tx, key);
    void *value = is_for(slot, key) ? take(slot->value) : NULL;

    if (value)
        slot_clear(fenced, slot);
    pthread_mutex_unlock(&fenced->lock);
    return value;
}

void fenced_put(struct fenced *fenced, struct tx *tx, const char *key, void *value)
{
    struct fenced_slot *slot = enter(fenced, tx, key);

    slot_clear(fenced, slot);
    slot->key = str_dup(str_of(key));
    if (slot->key)
        slot->value = value;
    else
        fenced->free(value);
    pthread_mutex_unlock(&fenced->lock);
}

void fenced_drop(struct fenced *fenced, struct tx *tx, const char *key)
{
    struct fenced_slot *slot = enter(fenced, tx, key);

    if (is_for(slot, key))
        slot_clear(fenced, slot);
    pthread_mutex_unlock(&fenced->lock);
}

void fenced_drop_all(struct fenced *fenced)
{
    pthread_mutex_lock(&fenced->lock);
    clear(fenced);
    pthread_mutex_unlock(&fenced->lock);
}
