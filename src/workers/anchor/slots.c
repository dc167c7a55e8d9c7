/* See slots.h. */
#include "workers/anchor/slots.h"

void slots_init(struct slots *slots, int64_t all)
{
    pthread_mutex_init(&slots->lock, NULL);
    pthread_cond_init(&slots->changed, NULL);
    slots->free = slots->all = all;
}

void slots_deinit(struct slots *slots)
{
    pthread_cond_destroy(&slots->changed);
    pthread_mutex_destroy(&slots->lock);
}

int64_t slots_await(struct slots *slots)
{
    int64_t free;

    pthread_mutex_lock(&slots->lock);
    while (slots->free <= 0 && !slots->closed)
        pthread_cond_wait(&slots->changed, &slots->lock);
    free = slots->free;
    pthread_mutex_unlock(&slots->lock);
    return free > 0 ? free : 0;
}

void slots_close(struct slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    slots->closed = true;
    pthread_cond_broadcast(&slots->changed);
    pthread_mutex_unlock(&slots->lock);
}

int64_t slots_free(struct slots *slots)
{
    int64_t free;

    pthread_mutex_lock(&slots->lock);
    free = slots->free;
    pthread_mutex_unlock(&slots->lock);
    return free > 0 ? free : 0;
}

void slots_take(struct slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    slots->free--;
    pthread_mutex_unlock(&slots->lock);
}

bool slots_try(struct slots *slots)
{
    bool taken;

    pthread_mutex_lock(&slots->lock);
    taken = slots->free > 0;
    if (taken)
        slots->free--;
    pthread_mutex_unlock(&slots->lock);
    return taken;
}

void slots_give(struct slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    slots->free++;
    pthread_cond_broadcast(&slots->changed);
    pthread_mutex_unlock(&slots->lock);
}

void slots_await_all(struct slots *slots)
{
    pthread_mutex_lock(&slots->lock);
    while (slots->free < slots->all)
        pthread_cond_wait(&slots->changed, &slots->lock);
    pthread_mutex_unlock(&slots->lock);
}
