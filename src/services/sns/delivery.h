/* What is still to be sent to somebody, and what became of it.
 *
 * A delivery is pending until its time comes, leased to a courier while it is tried, and ends delivered or
 * dead. `due_ms` is when it must be looked at again: the next try, or the lease's end; ended ones have none.
 */
#pragma once

#include "services/sns/topic.h"

#define DELIVERY_TOPIC "sns:deliveries"
#define DELIVERY_LEASE_MS 60000
#define DELIVERY_BATCH_MAX 50
#define DELIVERY_KEPT_MS (14 * INT64_C(86400000))

struct delivery_new {
    const struct subscription *subscription;
    const char *type; /* "Notification" … */
    const char *message_id;
    struct str body;
    const char *content_type; /* NULL: SNS's own */
    bool raw;
};

/* To a queue at once, to others by the courier. */
int delivery_add(struct tx *tx, const struct platform *platform, const struct delivery_new *delivery,
                 const json_t *attributes) MUST_USE;
/* 0 when something is due; DB_NONE with *ret_next_ms, INT64_MAX for never. */
int delivery_due(struct tx *tx, int64_t now_ms, int64_t *ret_next_ms) MUST_USE;
/* Leases up to `max` to the worker: appended to `list` with all that is needed to send them. */
int delivery_lease(struct tx *tx, const struct platform *platform, const char *worker, size_t max,
                   json_t *list) MUST_USE;
/* Those leased to a worker that has ended are due again. */
int delivery_orphan(struct tx *tx, const char *worker) MUST_USE;

enum delivery_result {
    DELIVERY_SENT,
    DELIVERY_FAILED,   /* tried again as the policy says */
    DELIVERY_REFUSED,  /* never again */
    DELIVERY_RELEASED, /* handed back untried */
};

/* SNS_E_NONCE when it is not leased with that nonce. */
int delivery_end(struct tx *tx, const struct platform *platform, int64_t id, const char *nonce,
                 enum delivery_result result, int64_t status, const char *says, struct reason *why) MUST_USE;
/* A dead one of this account is tried again from the start. SNS_E_RESOURCE_NOT_FOUND, SNS_E_DELIVERY_STATE.
 */
int delivery_retry(struct tx *tx, const char *account, int64_t id, struct reason *why) MUST_USE;

struct delivery_filter {
    const char *account;
    const char *topic; /* name; NULL: all */
    const char *state; /* NULL: all */
    int64_t before;    /* ids below this one */
    size_t max;
};

/* Newest first. ret_last: the last id; 0: there are no more. */
int delivery_list(struct tx *tx, const struct platform *platform, const struct delivery_filter *filter,
                  json_t *list, int64_t *ret_last) MUST_USE;
int delivery_forget_topic(struct tx *tx, const char *account, const char *topic) MUST_USE;
int delivery_forget_subscription(struct tx *tx, const char *id) MUST_USE;
