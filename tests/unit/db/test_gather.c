/* A commit's frames are few writes, which are there when the write of the last one returns. */
#include "base/base.h"
#include "db/gather.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define PAGE 4096
#define FRAME (24 + PAGE)
#define FRAMES 100

static struct {
    char bytes[FRAMES * FRAME];
    int writes;
    int rc;
} disk;

static int disk_write(sqlite3_file *file UNUSED, const void *bytes, int len, sqlite3_int64 offset)
{
    disk.writes++;
    if (disk.rc == SQLITE_OK)
        memcpy(disk.bytes + offset, bytes, (size_t)len);
    return disk.rc;
}

static const sqlite3_io_methods methods = {.iVersion = 1, .xWrite = disk_write};
static sqlite3_file file = {&methods};
static struct gather gather;

static int setup(void **state UNUSED)
{
    memset(&disk, 0, sizeof(disk));
    gather_init(&gather, true);
    return 0;
}

static int teardown(void **state UNUSED)
{
    gather_end();
    gather_deinit(&gather);
    return 0;
}

static int write_frame(int number, bool last)
{
    char header[24] = {0}, page[PAGE];
    header[3] = (char)(number + 1);
    header[7] = last;
    memset(page, 'a' + number % 26, sizeof(page));
    int rc = gather_write(&gather, &file, header, sizeof(header), (sqlite3_int64)number * FRAME);
    return rc != SQLITE_OK ? rc
                           : gather_write(&gather, &file, page, PAGE, (sqlite3_int64)number * FRAME + 24);
}

static bool is_there(int number)
{
    const char *frame = disk.bytes + (size_t)number * FRAME;
    return frame[3] == (char)(number + 1) && frame[24] == 'a' + number % 26 &&
           frame[FRAME - 1] == 'a' + number % 26;
}

static void test_commit_is_there_when_its_last_write_returns(void **state UNUSED)
{
    gather_begin();
    for (int i = 0; i < FRAMES; i++)
        assert_int_equal(write_frame(i, i == FRAMES - 1), SQLITE_OK);
    for (int i = 0; i < FRAMES; i++)
        assert_true(is_there(i));
    assert_in_range(disk.writes, 1, FRAMES / 10);
}

static void test_each_write_is_its_own_elsewhere(void **state UNUSED)
{
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_frame(i, false), SQLITE_OK);
        assert_true(is_there(i));
    }
    assert_int_equal(disk.writes, 6);
}

static void test_what_is_written_again_is_where_it_was(void **state UNUSED)
{
    gather_begin();
    assert_int_equal(write_frame(0, false), SQLITE_OK);
    assert_int_equal(write_frame(1, false), SQLITE_OK);
    assert_int_equal(gather_write(&gather, &file, "again", 5, 24), SQLITE_OK);
    assert_memory_equal(disk.bytes + 24, "again", 5);
    assert_int_equal(write_frame(2, true), SQLITE_OK);
    assert_true(is_there(1) && is_there(2));
}

static void test_failed_write_fails_the_commit(void **state UNUSED)
{
    gather_begin();
    assert_int_equal(write_frame(0, false), SQLITE_OK);
    disk.rc = SQLITE_FULL;
    assert_int_equal(write_frame(1, true), SQLITE_FULL);
}

static void test_what_a_failed_commit_leaves_is_dropped(void **state UNUSED)
{
    gather_begin();
    assert_int_equal(write_frame(0, false), SQLITE_OK);
    assert_int_equal(write_frame(1, false), SQLITE_OK);
    gather_end();
    assert_int_equal(gather_flush(&gather, &file), SQLITE_OK);
    assert_false(is_there(1));
    gather_begin();
    assert_int_equal(write_frame(2, true), SQLITE_OK);
    assert_false(is_there(1));
    assert_true(is_there(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_commit_is_there_when_its_last_write_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(test_each_write_is_its_own_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_written_again_is_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failed_write_fails_the_commit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_a_failed_commit_leaves_is_dropped, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
