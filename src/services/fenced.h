/* What write transactions know of rows, in memory from one to the next: good while nothing is undone
 * (tx_epoch), and forgotten else. Whoever changes such a row says so in the same transaction: by fenced_put
 * of what it is now, or fenced_drop. */
#pragma once

#include "db/db.h"
#include <pthread.h>

#define FENCED_SLOTS 128

/* One slot for the keys that fall to it: the last has it. */
struct fenced {
    void (*free)(void *value);
    pthread_mutex_t lock;
    uint64_t epoch;
    struct fenced_slot {
        char *key;
        void *value;
    } slots[FENCED_SLOTS];
};

#define FENCED_INIT(free_value)                                                                              \
    {                                                                                                        \
        .free = (free_value), .lock = PTHREAD_MUTEX_INITIALIZER                                              \
    }

/* All with a write transaction. The value is the caller's from then on, and kept no more; NULL: none is. */
void *fenced_take(struct fenced *fenced, struct tx *tx, const char *key) MUST_USE;
/* Takes it; nobody else may have what can be changed of it. Slots are counted, not bytes: what may be long is
 * measured by who puts it. */
void fenced_put(struct fenced *fenced, struct tx *tx, const char *key, void *value);
void fenced_drop(struct fenced *fenced, struct tx *tx, const char *key);
void fenced_drop_all(struct fenced *fenced);
