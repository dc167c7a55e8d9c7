/* Blocks on their way to a file by other threads. */
#include "base/fail.h"
#include "base/io.h"
#include "base/write_lane.h"
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define LANES 9  /* more than there are threads */
#define COUNT 11 /* more than a lane holds */

static atomic_int slow_ms; /* of each write */

int __real_io_pwritev_all(int fd, struct iovec *parts, size_t count, off_t offset);
int __wrap_io_pwritev_all(int fd, struct iovec *parts, size_t count, off_t offset);
int __wrap_io_pwritev_all(int fd, struct iovec *parts, size_t count, off_t offset)
{
    (void)poll(NULL, 0, atomic_load(&slow_ms));
    return __real_io_pwritev_all(fd, parts, count, offset);
}

static int open_fresh(int flags)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "/var/tmp/slipway-write-lane-%ld", (long)getpid());
    int fd = io_open(path, O_RDWR | O_CREAT | O_TRUNC | flags, 0600);
    if (fd == -EINVAL) /* a file system without direct I/O */
        fd = io_open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(io_unlink(path), 0);
    return fd;
}

static void give(struct write_lane *lane, int number)
{
    unsigned char *block = block_new();
    assert_non_null(block);
    memset(block, number, BLOCK_SIZE);
    assert_int_equal(write_lane_give(lane, block), 0);
    block_free(&block); /* the lane holds it */
}

static void assert_blocks(int fd, int from)
{
    CLEANUP(block_free) unsigned char *got = block_new();
    CLEANUP(block_free) unsigned char *wanted = block_new();
    struct stat stat_;
    assert_int_equal(fstat(fd, &stat_), 0);
    assert_int_equal(stat_.st_size, COUNT * BLOCK_SIZE);
    for (int i = 0; i < COUNT; i++) {
        memset(wanted, from + i, BLOCK_SIZE);
        assert_int_equal(io_pread_all(fd, got, BLOCK_SIZE, (off_t)((size_t)i * BLOCK_SIZE)), 0);
        assert_memory_equal(got, wanted, BLOCK_SIZE);
    }
}

static void write_files(int flags)
{
    struct write_lane *lanes[LANES];
    int fds[LANES];
    for (int i = 0; i < LANES; i++) {
        fds[i] = open_fresh(flags);
        assert_int_equal(write_lane_start(fds[i], 0, &lanes[i]), 0);
    }
    for (int block = 0; block < COUNT; block++)
        for (int i = 0; i < LANES; i++)
            give(lanes[i], i + block);
    for (int i = 0; i < LANES; i++) {
        assert_int_equal(write_lane_wait(lanes[i]), 0);
        write_lane_end(&lanes[i]);
        assert_null(lanes[i]);
        assert_blocks(fds[i], i);
        close_fd(&fds[i]);
    }
}

static void test_blocks_arrive_in_their_order(void **state UNUSED)
{
    write_files(O_DIRECT);
    write_files(0);
}

/* Each call fails once, whichever of the blocks it writes. */
static void test_a_fault_is_told(void **state UNUSED)
{
    bool fired = true;
    for (long nth = 1; fired; nth++) {
        CLEANUP(close_fd) int fd = open_fresh(O_DIRECT);
        CLEANUP(block_free) unsigned char *block = block_new();
        CLEANUP(write_lane_end) struct write_lane *lane = NULL;
        int rc = 0;
        memset(block, 1, BLOCK_SIZE);
        assert_int_equal(write_lane_start(fd, 0, &lane), 0);
        fail_arm(FAIL_IO, nth);
        for (int i = 0; i < COUNT && rc == 0; i++)
            rc = write_lane_give(lane, block);
        assert_true(rc == 0 || rc == -EIO);
        rc = write_lane_wait(lane);
        assert_int_equal(rc, fail_fired(FAIL_IO) ? -EIO : 0);
        fired = fail_fired(FAIL_IO);
        fail_arm(FAIL_IO, 0);
        assert_true(nth <= COUNT + 1);
    }
}

/* Through the page cache from then on, and nothing is lost on the way. */
static void test_a_slow_disk_is_not_waited_for_again(void **state UNUSED)
{
    CLEANUP(close_fd) int fd = open_fresh(O_DIRECT);
    struct write_lane *lane = NULL;
    assert_int_equal(write_lane_start(fd, 0, &lane), 0);
    atomic_store(&slow_ms, 30);
    for (int i = 0; i < COUNT; i++)
        give(lane, i);
    assert_int_equal(write_lane_wait(lane), 0);
    atomic_store(&slow_ms, 0);
    write_lane_end(&lane);
    assert_false(fcntl(fd, F_GETFL) & O_DIRECT);
    assert_blocks(fd, 0);
}

/* A piece that direct I/O does not take. */
static void test_what_is_not_aligned_is_written_all_the_same(void **state UNUSED)
{
    CLEANUP(close_fd) int fd = open_fresh(O_DIRECT);
    CLEANUP(block_free) unsigned char *block = block_new();
    struct iovec parts[] = {{block, BLOCK_SIZE}, {block + 1, 4095}};
    char got[4095];
    for (size_t i = 0; i < BLOCK_SIZE; i++)
        block[i] = (unsigned char)(i * 7);
    assert_int_equal(io_pwritev_all(fd, parts, ARRAY_LEN(parts), 0), 0);
    assert_false(io_be_buffered(fd));
    assert_int_equal(io_pread_all(fd, got, sizeof(got), (off_t)BLOCK_SIZE), 0);
    assert_memory_equal(got, block + 1, sizeof(got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_arrive_in_their_order),
        cmocka_unit_test(test_a_fault_is_told),
        cmocka_unit_test(test_a_slow_disk_is_not_waited_for_again),
        cmocka_unit_test(test_what_is_not_aligned_is_written_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
