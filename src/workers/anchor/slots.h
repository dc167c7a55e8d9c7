/* How much of one kind of work is done at once. */
#pragma once

#include "base/base.h"
#include <pthread.h>

struct slots {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t free; /* below 0: a poll brought work while others took slots */
    int64_t all;
    bool closed; /* nobody is to wait for a free one */
};

void slots_init(struct slots *slots, int64_t all);
void slots_deinit(struct slots *slots);
/* Waits until some are free: how many; 0 once they are closed and none is. */
int64_t slots_await(struct slots *slots);
void slots_close(struct slots *slots);
/* Takes one for work that has come already. */
void slots_take(struct slots *slots);
/* How many are free just now. */
int64_t slots_free(struct slots *slots);
/* Takes one if it is free. */
bool slots_try(struct slots *slots);
void slots_give(struct slots *slots);
/* Waits until all are free. */
void slots_await_all(struct slots *slots);
