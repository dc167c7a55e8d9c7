/* Which pipeline and source action a release stack has, by the stack's state: saves two calls per push. A
 * table of fixed size: a colliding stack takes the place of another. */
#include "workers/launcher/release.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdio.h>

#define PLACES 4096

struct entry {
    char stack[RELEASE_STACK_SIZE];
    char state[256];
    char pipeline[128];
    char action[128];
};

struct known {
    pthread_mutex_t lock;
    struct entry *places[PLACES]; /* made when first used */
};

static size_t place_of(const char *stack)
{
    return str_hash(str_of(stack)) % PLACES;
}

int known_new(struct known **ret)
{
    struct known *known = mem_alloc(sizeof(*known));

    if (!known)
        return FAULT(ENOMEM);
    pthread_mutex_init(&known->lock, NULL);
    *ret = known;
    return 0;
}

void known_free(struct known **known)
{
    if (!*known)
        return;
    for (size_t i = 0; i < PLACES; i++)
        free((*known)->places[i]);
    pthread_mutex_destroy(&(*known)->lock);
    free(*known);
    *known = NULL;
}

bool known_find(struct known *known, const char *stack, const char *state, char ret_pipeline[128],
                char ret_action[128])
{
    const struct entry *entry;
    bool found;

    pthread_mutex_lock(&known->lock);
    entry = known->places[place_of(stack)];
    found = entry && strcmp(entry->stack, stack) == 0 && strcmp(entry->state, state) == 0;
    if (found) {
        memcpy(ret_pipeline, entry->pipeline, sizeof(entry->pipeline));
        memcpy(ret_action, entry->action, sizeof(entry->action));
    }
    pthread_mutex_unlock(&known->lock);
    return found;
}

void known_put(struct known *known, const char *stack, const char *state, const char *pipeline,
               const char *action)
{
    struct entry **place = &known->places[place_of(stack)];

    pthread_mutex_lock(&known->lock);
    if (!*place)
        *place = mem_alloc(sizeof(**place));
    if (*place) {
        snprintf((*place)->stack, sizeof((*place)->stack), "%s", stack);
        snprintf((*place)->state, sizeof((*place)->state), "%s", state);
        snprintf((*place)->pipeline, sizeof((*place)->pipeline), "%s", pipeline);
        snprintf((*place)->action, sizeof((*place)->action), "%s", action);
    }
    pthread_mutex_unlock(&known->lock);
}
