/* Memory given back: of what is only read, which is the same afterwards; never of what was written. */
#include "base/io.h"
#include "base/resident.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#define PAGES 64
#define PAGE 4096
#define IN_MEMORY (UINT64_C(1) << 63)
#define MS INT64_C(1000) /* of processor time */

static const unsigned char only_read[PAGES * PAGE] = {[0] = 1, [PAGE] = 2, [PAGES * PAGE - 1] = 3};
static unsigned char written[PAGES * PAGE] = {[0] = 1};
static const char *const relocated[] = {"one", "two", "three"};

static bool is_mapped(const volatile unsigned char *at)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)at / PAGE * sizeof(entry))),
                     sizeof(entry));
    close(fd);
    return entry & IN_MEMORY;
}

/* The kernel may take a page away at any time, to move it, and then it comes again. */
static bool is_mapped_when_read(const volatile unsigned char *at)
{
    bool mapped = false;
    for (int i = 0; i < 1000 && !mapped; i++) {
        (void)*at;
        mapped = is_mapped(at);
    }
    return mapped;
}

static void test_what_is_only_read_is_unmapped_and_comes_back_the_same(void **state UNUSED)
{
    const volatile unsigned char *bytes = only_read;
    const size_t far = (PAGES - 1) * (size_t)PAGE;
    assert_int_equal(bytes[far + PAGE - 1], 3);
    assert_true(is_mapped_when_read(bytes + far));
    assert_true(is_mapped_when_read(bytes + PAGES / 2 * PAGE));
    resident_give_back();
    assert_false(is_mapped(bytes + PAGES / 2 * PAGE));
    assert_int_equal(bytes[0], 1);
    assert_int_equal(bytes[PAGE], 2);
    assert_int_equal(bytes[far + PAGE - 1], 3);
}

static void test_what_was_written_stays(void **state UNUSED)
{
    char *volatile on_heap = strdup("heap");
    char on_stack[] = "stack";
    const char *const volatile *pointers = relocated;
    unsigned char *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(own != MAP_FAILED);
    memset(written, 7, sizeof(written));
    own[0] = 8;
    assert_int_equal(mprotect(own, PAGE, PROT_READ), 0); /* as the loader does with what it has relocated */
    resident_give_back();
    for (size_t i = 0; i < sizeof(written); i++)
        assert_int_equal(written[i], 7);
    assert_int_equal(own[0], 8);
    assert_string_equal(pointers[2], "three");
    assert_string_equal(on_heap, "heap");
    assert_string_equal(on_stack, "stack");
    free(on_heap);
    assert_int_equal(munmap(own, PAGE), 0);
}

static void test_given_back_once_when_the_start_is_over(void **state UNUSED)
{
    struct resident resident = {0};
    assert_false(resident_is_due(&resident, 1000, 80 * MS));
    assert_false(resident_is_due(&resident, 2000, 400 * MS)); /* still starts */
    assert_true(resident_is_due(&resident, 3000, 401 * MS));
    assert_false(resident_is_due(&resident, 63000, 402 * MS));
    assert_false(resident_is_due(&resident, 123000, 403 * MS));
}

static void test_given_back_again_after_work_not_amid_it(void **state UNUSED)
{
    struct resident resident = {0};
    assert_false(resident_is_due(&resident, 1000, 80 * MS));
    assert_true(resident_is_due(&resident, 2000, 81 * MS));
    assert_false(resident_is_due(&resident, 62000, 9000 * MS));
    assert_false(resident_is_due(&resident, 122000, 19000 * MS));
    assert_true(resident_is_due(&resident, 182000, 19010 * MS));
    assert_false(resident_is_due(&resident, 242000, 19020 * MS));
    assert_false(resident_is_due(&resident, 302000, 19300 * MS)); /* a few pushes now and then */
    assert_false(resident_is_due(&resident, 362000, 21000 * MS));
    assert_true(resident_is_due(&resident, 422000, 21020 * MS));
}

static void test_it_tells_when_to_be_called_again(void **state UNUSED)
{
    struct resident resident = {0};
    assert_in_range(resident_tend(&resident), 1, 1000);
    int64_t looked_ms = resident.at_ms;
    assert_in_range(resident_tend(&resident), 1, 1000); /* sooner: no look */
    assert_int_equal(resident.at_ms, looked_ms);
    resident.at_ms -= 1000;
    resident.cpu_us = INT32_MAX; /* it had none since */
    assert_int_equal(resident_tend(&resident), 60000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_only_read_is_unmapped_and_comes_back_the_same),
        cmocka_unit_test(test_what_was_written_stays),
        cmocka_unit_test(test_given_back_once_when_the_start_is_over),
        cmocka_unit_test(test_given_back_again_after_work_not_amid_it),
        cmocka_unit_test(test_it_tells_when_to_be_called_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
