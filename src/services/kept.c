/* See kept.h. */
#include "services/kept.h"

static struct kept_slot *slot_of(struct kept *kept, const char *id)
{
    return &kept->slots[str_hash(str_of(id)) % KEPT_SLOTS];
}

void kept_put(struct kept *kept, const char *id, json_t *document, const char *text)
{
    struct kept_slot *slot = slot_of(kept, id);
    json_t *before;

    if (strlen(text) > KEPT_TEXT_MAX)
        return;
    pthread_mutex_lock(&kept->lock);
    before = slot->document;
    slot->document = json_incref(document);
    str_copy(slot->id, sizeof(slot->id), id);
    pthread_mutex_unlock(&kept->lock);
    json_decref(before);
}

json_t *kept_find(struct kept *kept, const char *id)
{
    struct kept_slot *slot = slot_of(kept, id);
    json_t *document = NULL;

    pthread_mutex_lock(&kept->lock);
    if (slot->document && strcmp(slot->id, id) == 0)
        document = json_incref(slot->document);
    pthread_mutex_unlock(&kept->lock);
    return document;
}

void kept_drop(struct kept *kept, const char *id)
{
    struct kept_slot *slot = slot_of(kept, id);
    json_t *document = NULL;

    pthread_mutex_lock(&kept->lock);
    if (strcmp(slot->id, id) == 0)
        document = take(slot->document);
    pthread_mutex_unlock(&kept->lock);
    json_decref(document);
}
