/* Documents of rows that were written lately, in memory: who reads such a row need not read them from their
 * text again. For what never changes under its id; an id that was never committed is never asked for. */
#pragma once

#include "base/id.h"
#include <jansson.h>
#include <pthread.h>

#define KEPT_SLOTS 256
#define KEPT_TEXT_MAX 16384 /* longer ones are better read again */

/* One slot for the ids that fall to it: the last has it. */
struct kept {
    pthread_mutex_t lock;
    struct kept_slot {
        char id[ID_UUID_SIZE];
        json_t *document;
    } slots[KEPT_SLOTS];
};

#define KEPT_INIT                                                                                            \
    {                                                                                                        \
        .lock = PTHREAD_MUTEX_INITIALIZER                                                                    \
    }

/* `text` is the document's; nobody changes it afterwards. */
void kept_put(struct kept *kept, const char *id, json_t *document, const char *text);
/* A reference to it, to be read only; NULL: it is kept no more. */
json_t *kept_find(struct kept *kept, const char *id) MUST_USE;
/* It will not be asked for soon. */
void kept_drop(struct kept *kept, const char *id);
