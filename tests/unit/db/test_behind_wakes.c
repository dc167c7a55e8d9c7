/* The thread that runs what was left for later hears of all that is enough for it. */
#include "base/clock.h"
#include "base/io.h"
#include "db/batch.h"
#include "db/behind.h"
#include "db/inject.h"
#include "db/record.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#define BODY_BYTES 50000 /* enough for the thread */
#define START_US 5000    /* then it waits */
#define HUNG_US 5000000

static char folder[64];
static char path[96];
static struct behind *behind;
static atomic_bool late; /* something comes when it has run all, before it waits: --wrap=pthread_mutex_lock */
static _Thread_local bool adds;

int __real_pthread_mutex_lock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex);

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-behind-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    return inject_install();
}

static int teardown(void **state UNUSED)
{
    return io_remove_tree(folder);
}

static void record(struct buf *records, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    record_statement(records, "INSERT INTO item (body) VALUES ($1)", types, &args);
    va_end(args);
}

static void add(void)
{
    static const char body[BODY_BYTES];
    CLEANUP(buf_free) struct buf records = BUF_INIT(1 << 20);
    record(&records, "b", ((struct str){body, sizeof(body)}));
    assert_int_equal(behind_add(behind, buf_str(&records)), 0);
}

static bool is_behind(void)
{
    char name[16] = "";
    return pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && !strcmp(name, "db-behind");
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (!adds && atomic_load(&late) && is_behind() && behind_bytes(behind) == 0) {
        adds = true;
        add();
        atomic_store(&late, false);
    }
    return __real_pthread_mutex_lock(mutex);
}

static void failed(void *arg UNUSED)
{
    fail_msg("it could not be run");
}

static bool comes_to_an_end(void)
{
    int64_t until_us = clock_mono_us() + HUNG_US;
    while ((atomic_load(&late) || behind_bytes(behind) > 0) && clock_mono_us() < until_us)
        (void)sched_yield();
    return !atomic_load(&late) && behind_bytes(behind) == 0;
}

static void test_what_comes_before_it_waits_is_run(void **state UNUSED)
{
    struct batch *batch = NULL;
    assert_int_equal(batch_open(path, &batch), 0);
    assert_int_equal(conn_run(batch_conn(batch), "CREATE TABLE item (body BLOB)"), 0);
    assert_int_equal(behind_open(batch, failed, NULL, &behind), 0);
    for (int64_t until_us = clock_mono_us() + START_US; clock_mono_us() < until_us;)
        (void)sched_yield();
    atomic_store(&late, true);
    add();
    assert_true(comes_to_an_end());
    behind_close(&behind);
    batch_close(&batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_comes_before_it_waits_is_run, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
