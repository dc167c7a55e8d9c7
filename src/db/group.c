/* Threads wait on the state's futex. */
#include "db/group.h"
#include "base/mem.h"
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WAITS, LEADS, DONE };

int group_new(struct group **ret)
{
    struct group *group = mem_alloc(sizeof(*group));
    if (!group)
        return FAULT(ENOMEM);
    atomic_store(&group->refs, 1);
    *ret = group;
    return 0;
}

struct group *group_ref(struct group *group)
{
    atomic_fetch_add(&group->refs, 1);
    return group;
}

void group_unref(struct group **group)
{
    if (*group && atomic_fetch_sub(&(*group)->refs, 1) == 1)
        free(*group);
    *group = NULL;
}

void group_join(struct group *group, struct db_later *later)
{
    group->members++;
    if (!later) {
        atomic_fetch_add(&group->blocked, 1);
        return;
    }
    later->next = group->later;
    group->later = later;
}

bool group_is_done(const struct group *group)
{
    return atomic_load(&group->state) == DONE;
}

static void wake(struct group *group, int count)
{
    (void)syscall(SYS_futex, &group->state, FUTEX_WAKE_PRIVATE, count, NULL, NULL, 0);
}

bool group_ask_to_lead(struct group *group)
{
    uint32_t waits = WAITS;
    if (atomic_load(&group->blocked) == 0)
        return false;
    if (atomic_compare_exchange_strong(&group->state, &waits, LEADS))
        wake(group, 1);
    return true;
}

void group_finish(struct group *group, int result)
{
    struct db_later *later = take(group->later);
    group->result = result;
    atomic_store(&group->state, DONE);
    if (atomic_load(&group->asleep) > 0)
        wake(group, INT32_MAX);
    group_unref(&group);
    while (later) {
        struct db_later *told = later;
        later = later->next;
        told->done(told, result);
    }
}

static void sleep_while_it_waits(struct group *group)
{
    atomic_fetch_add(&group->asleep, 1);
    (void)syscall(SYS_futex, &group->state, FUTEX_WAIT_PRIVATE, WAITS, NULL, NULL, 0);
    atomic_fetch_sub(&group->asleep, 1);
}

int group_wait(struct group *group)
{
    for (;;) {
        uint32_t state = atomic_load(&group->state);
        if (state == DONE)
            return group->result;
        if (state == WAITS)
            sleep_while_it_waits(group);
        else if (atomic_compare_exchange_strong(&group->state, &state, WAITS))
            return GROUP_LEAD;
    }
}
