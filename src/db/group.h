/* A group of transactions that become durable by one sync: those who wait for it, those who are told later,
 * and what they touch. References: the writer's until it is finished, each waiting thread's, and those of who
 * looks for the group that was closed last or is to be led next. */
#pragma once

#include "db/db.h"
#include "db/touched.h"
#include <stdatomic.h>

enum group_outcome {
    GROUP_LEAD = 1, /* who waits is to lead it to the disk, and to wait on */
};

struct group {
    _Atomic uint32_t state; /* a futex */
    atomic_uint refs;
    atomic_uint blocked; /* members whose threads wait */
    atomic_uint asleep;  /* of them and of who looks */

    /* the turn's holder's, until the group is closed */
    unsigned members; /* committed into it so far */
    struct touched touched;
    struct db_later *later;

    int result; /* 0 or a fault, once done */
};

int group_new(struct group **ret) MUST_USE;
struct group *group_ref(struct group *group);
void group_unref(struct group **group); /* CLEANUP-able */
/* Another member; NULL: its thread is about to wait. */
void group_join(struct group *group, struct db_later *later);
bool group_is_done(const struct group *group);
/* Asks one of those who wait to lead. False: none does. */
bool group_ask_to_lead(struct group *group);
/* Tells everybody; gives up the reference. */
void group_finish(struct group *group, int result);
/* 0 or a fault: the group's result; GROUP_LEAD. */
int group_wait(struct group *group) MUST_USE;
