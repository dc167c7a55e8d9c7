/* Leases kept alive: one thread extends every lease of this anchor in time and tells its owner when it was
 * cancelled or lost. */
#pragma once

#include "base/base.h"
#include <stdatomic.h>

struct leases;

struct lease {
    /* Extends it: 0 and when it ends otherwise and whether it is cancelled; >0 when it is lost; <0 try again.
     */
    int (*extend)(struct lease *lease, int64_t *ret_lease_ms, bool *ret_cancelled);
    int64_t lease_ms; /* set before lease_begin */
    /* what follows is lease.c's, but may be read */
    atomic_bool cancelled; /* by the service, or because the lease is lost, or by the anchor's stop */
    int cancel_fd;         /* readable from then on */
    int64_t due_ms;
    bool in_call;
    bool ending;
    struct lease *next;
    struct lease *inner; /* cancelled with this one */
    struct lease *outer;
};

int leases_new(struct leases **ret) MUST_USE;
void leases_free(struct leases **leases);
/* `outer` (NULL: none) outlives it, and cancels it too. */
int lease_begin(struct leases *leases, struct lease *lease, struct lease *outer) MUST_USE;
/* No call is under way and none follows. */
void lease_end(struct leases *leases, struct lease *lease);
/* By its owner; one that has no inner lease. */
void lease_cancel(struct lease *lease);
/* Cancels every lease: the anchor stops. */
void leases_cancel_all(struct leases *leases);
