/* The scrubber's thread. How far it is stands in the database: a new start goes on, and a pass begins a day
 * after the one before it at the earliest. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/wake.h"
#include "services/s3/verify.h"
#include "services/service.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define TOPIC "s3:scrubber:%p"
#define PASS_EVERY_MS ((int64_t)24 * 3600 * 1000)
#define RETRY_MS 60000
#define STEP_BYTES (16 << 20) /* its place is kept so often */
#define STOPPED 1

struct scrubber {
    const struct platform *platform;
    int64_t bytes_per_s;
    int64_t owed_until_ms; /* of clock_mono_ms: what was read is paid by waiting until then */
    char topic[64];
    atomic_bool stopping;
    pthread_t thread;
};

/* Where a pass is. */
struct pass {
    int64_t began_ms; /* 0: there was none yet */
    int64_t cursor;
    bool over;
};

static void rest(struct scrubber *scrubber, int64_t until_mono_ms)
{
    wake_ticket ticket = wake_look(scrubber->topic);
    if (!atomic_load(&scrubber->stopping))
        (void)wake_wait(scrubber->topic, ticket, until_mono_ms);
}

static int pace(void *ctx, size_t bytes)
{
    struct scrubber *scrubber = ctx;
    int64_t now_ms = clock_mono_ms();
    if (scrubber->owed_until_ms < now_ms)
        scrubber->owed_until_ms = now_ms;
    scrubber->owed_until_ms += (int64_t)bytes * 1000 / scrubber->bytes_per_s;
    if (scrubber->owed_until_ms > now_ms)
        rest(scrubber, scrubber->owed_until_ms);
    return atomic_load(&scrubber->stopping) ? STOPPED : 0;
}

static int pass_load(struct scrubber *scrubber, struct pass *ret)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = db_read(scrubber->platform->db, &tx);
    if (rc == 0)
        rc = tx_query_row(tx, &rows, "SELECT began_ms, cursor, ended FROM s3_scrub WHERE id = 1", "");
    if (rc != 0)
        return rc;
    *ret = (struct pass){rows_int(rows, 0), rows_int(rows, 1), rows_int(rows, 2) != 0};
    return 0;
}

static int pass_save(struct scrubber *scrubber, const struct pass *pass)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_begin(scrubber->platform->db, &tx);
    if (rc == 0)
        rc = tx_exec(tx, "UPDATE s3_scrub SET began_ms = $1, cursor = $2, ended = $3 WHERE id = 1", "iii",
                     pass->began_ms, pass->cursor, (int64_t)pass->over);
    return rc != 0 ? rc : db_commit(&tx);
}

static int step(struct scrubber *scrubber, struct pass *pass)
{
    const struct verify_range range = {
        .after = pass->cursor, .max_bytes = STEP_BYTES, .pace = pace, .ctx = scrubber};
    struct verify_findings findings;
    int rc = blobs_verify(scrubber->platform, &range, &findings);
    json_decref(findings.damaged);
    pass->cursor = findings.next;
    pass->over = rc == 0 && findings.next == 0;
    return rc < 0 ? rc : pass_save(scrubber, pass);
}

/* *ret_until_ms: when to come again, of clock_mono_ms. */
static int go_on(struct scrubber *scrubber, int64_t *ret_until_ms)
{
    struct pass pass = {0};
    int64_t now_ms = clock_now_ms();
    int rc = pass_load(scrubber, &pass);
    *ret_until_ms = 0;
    if (rc == 0 && pass.over && now_ms < pass.began_ms + PASS_EVERY_MS) {
        *ret_until_ms = clock_mono_ms() + (pass.began_ms + PASS_EVERY_MS - now_ms);
        return 0;
    }
    if (pass.over || pass.began_ms == 0)
        pass = (struct pass){.began_ms = now_ms};
    return rc != 0 ? rc : step(scrubber, &pass);
}

static void *scrub(void *arg)
{
    struct scrubber *scrubber = arg;
    (void)pthread_setname_np(pthread_self(), "s3-scrubber");
    while (!atomic_load(&scrubber->stopping)) {
        int64_t until_ms = 0;
        int rc = go_on(scrubber, &until_ms);
        if (rc < 0) {
            log_warn("s3", "looking for damaged objects failed (%s); trying again in a minute",
                     strerror(-rc));
            until_ms = clock_mono_ms() + RETRY_MS;
        }
        if (until_ms > 0)
            rest(scrubber, until_ms);
    }
    return NULL;
}

int scrubber_start(const struct platform *platform, int64_t bytes_per_s, struct scrubber **ret)
{
    *ret = NULL;
    if (bytes_per_s == 0)
        return 0;
    CLEANUP(free_ptr) struct scrubber *scrubber = mem_alloc(sizeof(*scrubber));
    if (!scrubber)
        return FAULT(ENOMEM);
    scrubber->platform = platform;
    scrubber->bytes_per_s = bytes_per_s;
    (void)snprintf(scrubber->topic, sizeof(scrubber->topic), TOPIC, (void *)scrubber);
    int rc = pthread_create(&scrubber->thread, NULL, scrub, scrubber);
    if (rc != 0)
        return FAULT(rc);
    *ret = take(scrubber);
    return 0;
}

void scrubber_stop(struct scrubber **scrubber)
{
    if (!*scrubber)
        return;
    atomic_store(&(*scrubber)->stopping, true);
    wake_signal((*scrubber)->topic);
    pthread_join((*scrubber)->thread, NULL);
    free(*scrubber);
    *scrubber = NULL;
}
