/* The thread sleeps until the next build is due, or one is due earlier than it knew (CODEBUILD_TOPIC_DUE). */
#include "services/codebuild/watch.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "services/codebuild/build.h"
#include <pthread.h>
#include <stdatomic.h>

#define RETRY_MS 1000 /* after a fault of the database */

struct watch {
    pthread_t thread;
    atomic_bool stopping;
    const struct platform *platform;
};

static _Atomic int64_t planned_ms = INT64_MAX;

void watch_expect(struct tx *tx, int64_t due_ms)
{
    if (due_ms < atomic_load(&planned_ms))
        tx_wake(tx, CODEBUILD_TOPIC_DUE);
}

/* What it plans is known before another writer has its turn. */
static int expire(struct db *db, int64_t *ret_next_ms)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin(db, &tx);
    if (r == 0)
        r = build_expire(tx, clock_now_ms(), ret_next_ms);
    if (r < 0)
        return r;
    atomic_store(&planned_ms, *ret_next_ms);
    return db_commit(&tx);
}

static void *watch_thread(void *arg)
{
    struct watch *watch = arg;
    struct db *db = watch->platform->db;
    (void)pthread_setname_np(pthread_self(), "codebuild-watch");
    while (!atomic_load(&watch->stopping)) {
        wake_ticket ticket = wake_look(CODEBUILD_TOPIC_DUE);
        int64_t due_ms = INT64_MAX;
        int r = expire(db, &due_ms);
        if (r < 0) {
            log_warn("codebuild", "builds that are due wait: %s", strerrordesc_np(-r));
            due_ms = clock_now_ms() + RETRY_MS;
        }
        int64_t left_ms = due_ms - clock_now_ms();
        int64_t deadline = due_ms == INT64_MAX ? INT64_MAX : clock_mono_ms() + (left_ms > 0 ? left_ms : 0);
        if (!wake_wait(CODEBUILD_TOPIC_DUE, ticket, deadline) && clock_mono_ms() < deadline)
            break; /* woken before its time without a signal: the server stops */
    }
    return NULL;
}

static int grace(struct db *db)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin(db, &tx);
    if (r == 0)
        r = build_grace(tx, clock_now_ms());
    return r == 0 ? db_commit(&tx) : r;
}

int codebuild_watch_start(const struct platform *platform, void **ret_state)
{
    int r = grace(platform->db);
    if (r < 0)
        return r;
    struct watch *watch = mem_alloc(sizeof(*watch));
    if (!watch)
        return FAULT(ENOMEM);
    watch->platform = platform;
    int err = pthread_create(&watch->thread, NULL, watch_thread, watch);
    if (err) {
        free(watch);
        return FAULT(err);
    }
    *ret_state = watch;
    return 0;
}

void codebuild_watch_stop(void *state)
{
    struct watch *watch = state;
    atomic_store(&watch->stopping, true);
    wake_signal(CODEBUILD_TOPIC_DUE);
    pthread_join(watch->thread, NULL);
    free(watch);
}
