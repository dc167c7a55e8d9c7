/* Work folders: who ended is known by what it has left, until that has been told. */
#include "workers/anchor/work_folder.h"
#include "base/io.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char cache[64];

static int setup(void **state UNUSED)
{
    (void)snprintf(cache, sizeof(cache), "/tmp/slipway-work-XXXXXX");
    return mkdtemp(cache) ? 0 : -1;
}

static int teardown(void **state UNUSED)
{
    return io_remove_tree(cache);
}

static bool names(const struct work_folder *folder, const char *worker)
{
    for (size_t i = 0; i < json_array_size(folder->ended); i++)
        if (strcmp(json_string_value(json_array_get(folder->ended, i)), worker) == 0)
            return true;
    return false;
}

static void test_who_ended_is_known_until_it_was_told(void **state UNUSED)
{
    struct work_folder first, second, third, fourth;
    char one[WORKER_ID_SIZE], two[WORKER_ID_SIZE];
    assert_int_equal(work_folder_take(cache, &first), 0);
    assert_int_equal(json_array_size(first.ended), 0);
    str_copy(one, sizeof(one), first.worker_id);
    work_folder_leave(&first);
    assert_int_equal(work_folder_take(cache, &second), 0);
    assert_true(names(&second, one));
    str_copy(two, sizeof(two), second.worker_id);
    work_folder_leave(&second); /* before it could tell */
    assert_int_equal(work_folder_take(cache, &third), 0);
    assert_true(names(&third, one) && names(&third, two));
    work_folder_told(&third);
    assert_int_equal(work_folder_take(cache, &fourth), 0);
    assert_int_equal(json_array_size(fourth.ended), 0); /* the third lives */
    work_folder_leave(&fourth);
    work_folder_leave(&third);
}

static void test_what_was_left_in_it_goes(void **state UNUSED)
{
    struct work_folder first, second;
    struct stat status;
    char path[256], inner[300];
    assert_int_equal(work_folder_take(cache, &first), 0);
    (void)snprintf(path, sizeof(path), "%s", first.path);
    (void)snprintf(inner, sizeof(inner), "%s/build-1", path);
    assert_int_equal(mkdir(inner, 0700), 0);
    close_fd(&first.lock_fd); /* as when it is killed */
    json_free(&first.ended);
    free(first.path);
    assert_int_equal(work_folder_take(cache, &second), 0);
    assert_int_not_equal(stat(inner, &status), 0);
    assert_int_equal(stat(path, &status), 0);
    work_folder_told(&second);
    assert_int_not_equal(stat(path, &status), 0);
    work_folder_leave(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_who_ended_is_known_until_it_was_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_left_in_it_goes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
