/* Who computes what at the same time, and what memory stays: hash_lane.h, block.h. */
#include "base/clock.h"
#include "base/hash_lane.h"
#include "base/io.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define STANDING 6
#define WAIT_MS 5000

static atomic_int inside;
static atomic_bool met;

/* Each waits for another that computes beside it. */
void __real_hash_update(struct hash *hash, const void *bytes, size_t len);
void __wrap_hash_update(struct hash *hash, const void *bytes, size_t len);
void __wrap_hash_update(struct hash *hash, const void *bytes, size_t len)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    if (atomic_fetch_add(&inside, 1) > 0)
        atomic_store(&met, true);
    while (!atomic_load(&met) && clock_mono_ms() < until_ms)
        (void)poll(NULL, 0, 1);
    atomic_fetch_sub(&inside, 1);
    __real_hash_update(hash, bytes, len);
}

struct body {
    struct hash *md5;
    struct hash_lane *lane;
    unsigned char *block;
};

static void body_begin(struct body *body)
{
    *body = (struct body){.md5 = hash_new(HASH_MD5), .block = block_new()};
    assert_true(body->md5 && body->block);
    memset(body->block, 'x', BLOCK_SIZE);
    assert_int_equal(hash_lane_start(body->md5, NULL, &body->lane), 0);
}

static void *give_and_wait(void *arg)
{
    struct body *body = arg;

    hash_lane_give(body->lane, &body->block, BLOCK_SIZE);
    hash_lane_end(&body->lane);
    return NULL;
}

static void body_end(struct body *body)
{
    hash_lane_end(&body->lane);
    hash_free(&body->md5);
    block_free(&body->block);
}

static void bodies_that_stand_still_keep_no_others_from_one_another(void **state UNUSED)
{
    struct body standing[STANDING], moving[2];
    pthread_t owners[ARRAY_LEN(moving)];

    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        skip();
    for (size_t i = 0; i < STANDING; i++)
        body_begin(&standing[i]);
    for (size_t i = 0; i < ARRAY_LEN(moving); i++)
        body_begin(&moving[i]);
    for (size_t i = 0; i < ARRAY_LEN(moving); i++)
        assert_int_equal(pthread_create(&owners[i], NULL, give_and_wait, &moving[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(moving); i++)
        assert_int_equal(pthread_join(owners[i], NULL), 0);
    assert_true(atomic_load(&met));
    for (size_t i = 0; i < STANDING; i++)
        body_end(&standing[i]);
    for (size_t i = 0; i < ARRAY_LEN(moving); i++)
        body_end(&moving[i]);
}

/* Of this process's addresses: a sanitizer's own pages come and go in memory, not there. */
static size_t mapped_bytes(void)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(256);
    unsigned long pages = 0;

    assert_int_equal(io_read_file("/proc/self/statm", &text), 0);
    assert_int_equal(buf_put(&text, "", 1), 0);
    assert_int_equal(sscanf(text.ptr, "%lu", &pages), 1); /* NOLINT(cert-err34-c) */
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void blocks_of_many_that_ended_go_while_one_is_under_way(void **state UNUSED)
{
    enum { COUNT = 2000 };
    static unsigned char *blocks[COUNT];
    size_t before = mapped_bytes();

    for (size_t i = 0; i < COUNT; i++) {
        blocks[i] = block_new();
        assert_non_null(blocks[i]);
        memset(blocks[i], 'x', BLOCK_SIZE);
    }
    for (size_t i = 1; i < COUNT; i++)
        block_free(&blocks[i]);
    assert_in_range(mapped_bytes() - before, 0, (size_t)64 << 20);
    block_free(&blocks[0]);
    assert_in_range(mapped_bytes() - before, 0, (size_t)16 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_stand_still_keep_no_others_from_one_another),
        cmocka_unit_test(blocks_of_many_that_ended_go_while_one_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
