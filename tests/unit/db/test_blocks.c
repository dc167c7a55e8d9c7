/* Small blocks of memory go from one holder of the turn to the next. */
#include "db/blocks.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MANY 3000
#define LARGEST 1300 /* more than a pool has lists for */

static void *blocks_of_mine[MANY];

static void test_blocks_are_as_large_as_asked_wherever_they_come_from(void **state UNUSED)
{
    struct blocks *blocks = NULL;
    assert_int_equal(blocks_new(&blocks), 0);
    for (int round = 0; round < 4; round++) {
        blocks_use(round % 2 ? NULL : blocks);
        for (size_t i = 0; i < MANY; i++) {
            size_t size = 1 + (i * 7 + (size_t)round * 13) % LARGEST;
            blocks_of_mine[i] = blocks_malloc(size);
            assert_non_null(blocks_of_mine[i]);
            memset(blocks_of_mine[i], (int)i, size);
        }
        blocks_use(round < 2 ? blocks : NULL);
        for (size_t i = 0; i < MANY; i++) {
            assert_int_equal(*(unsigned char *)blocks_of_mine[i], (unsigned char)i);
            blocks_give(blocks_of_mine[i]);
        }
    }
    blocks_give(NULL);
    blocks_use(NULL);
    blocks_free(&blocks);
    assert_null(blocks);
}

static void test_a_block_that_was_given_back_is_the_next_of_its_size(void **state UNUSED)
{
    struct blocks *blocks = NULL;
    assert_int_equal(blocks_new(&blocks), 0);
    blocks_use(blocks);
    void *first = blocks_malloc(100), *second;
    blocks_give(first);
    second = blocks_malloc(100);
    assert_ptr_equal(second, first);
    blocks_give(second);
    blocks_use(NULL);
    blocks_free(&blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_as_large_as_asked_wherever_they_come_from),
        cmocka_unit_test(test_a_block_that_was_given_back_is_the_next_of_its_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
