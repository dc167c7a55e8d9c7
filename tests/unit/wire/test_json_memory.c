#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/json.h"
#include "wire/json_memory.h"
#include <malloc.h>
#include <pthread.h>

#define TREES 20
#define MEMBERS 400 /* more than a thread keeps of a size */
#define MANY_MEMBERS 50000
#define KEPT_MOST_BYTES 131072 /* with what malloc adds */

static void tree_make_and_free(int members)
{
    CLEANUP(json_free) json_t *tree = json_object();

    for (int i = 0; i < members; i++) {
        char key[160];

        (void)snprintf(key, sizeof(key), "%0*d", 1 + i % 150, i);
        assert_int_equal(json_put_str(tree, key, key), 0);
        assert_string_equal(json_str(tree, key, ""), key);
    }
}

static void *trees_make_and_free(void *count)
{
    for (int i = 0; i < *(int *)count; i++)
        tree_make_and_free(MEMBERS);
    return NULL;
}

static void a_thread_gives_back_what_it_kept_when_it_ends(void **state)
{
    size_t before = 0;

    (void)state;
    for (int round = 0; round < 2; round++) { /* the first makes what stays: the library's, the arenas' */
        int count = TREES;
        pthread_t thread;

        before = mallinfo2().uordblks;
        assert_int_equal(pthread_create(&thread, NULL, trees_make_and_free, &count), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_in_range(mallinfo2().uordblks, 0, before + 1024);
}

static void what_a_thread_keeps_is_bounded(void **state)
{
    size_t before;

    (void)state;
    tree_make_and_free(1);
    before = mallinfo2().uordblks;
    tree_make_and_free(MANY_MEMBERS);
    assert_in_range(mallinfo2().uordblks, 0, before + KEPT_MOST_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_thread_keeps_is_bounded),
        cmocka_unit_test(a_thread_gives_back_what_it_kept_when_it_ends),
    };

    json_memory_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
