/* Jobs under way as their rows are, and which of an account are on offer, as write transactions left them:
 * a job is read from its row only by who was not there. Good while nothing is undone (tx_epoch). */
#pragma once

#include "services/codepipeline/store.h"

struct job_offer {
    char id[ID_UUID_SIZE];
    int64_t created_ms;
};

#define JOB_OFFERS_KEPT 64 /* of an account: the oldest */

/* The first `max` on offer to an account's anchor, the oldest first. False: ask the rows. */
bool job_memory_offers(struct tx *tx, const char *account, size_t max, struct job_offer *ret,
                       size_t *ret_count);
/* What the rows say: the oldest, at most JOB_OFFERS_KEPT; `more`: there are others behind them. */
void job_memory_set_offers(struct tx *tx, const char *account, const struct job_offer *list, size_t count,
                           bool more);
/* A copy of the job's row, the caller's. DB_NONE: it is not known here. */
int job_memory_find(struct tx *tx, const char *id, struct job_row *ret) MUST_USE;
/* The row has been written so. */
void job_memory_put(struct tx *tx, const struct job_row *row);
/* Rows have been written otherwise. */
void job_memory_forget(void);
