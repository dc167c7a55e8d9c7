/* Leases are extended while their owners work, and end when they end. */
#include "workers/anchor/lease.h"
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <cmocka.h>

struct owner {
    struct lease lease;
    atomic_int extensions;
    int64_t answer_ms;
    bool answer_cancelled;
    int outcome;
};

static int extend(struct lease *lease, int64_t *ret_lease_ms, bool *ret_cancelled)
{
    struct owner *owner = CONTAINER_OF(lease, struct owner, lease);

    atomic_fetch_add(&owner->extensions, 1);
    *ret_lease_ms = owner->answer_ms;
    *ret_cancelled = owner->answer_cancelled;
    return owner->outcome;
}

static bool told(struct owner *owner, int timeout_ms)
{
    struct pollfd fd = {.fd = owner->lease.cancel_fd, .events = POLLIN};

    return poll(&fd, 1, timeout_ms) == 1;
}

static void leases_are_extended_before_they_run_out(void **state UNUSED)
{
    struct owner owner = {.lease = {.extend = extend, .lease_ms = 30}, .answer_ms = 30};
    struct leases *leases = NULL;

    assert_int_equal(leases_new(&leases), 0);
    assert_int_equal(lease_begin(leases, &owner.lease, NULL), 0);
    while (atomic_load(&owner.extensions) < 3)
        assert_false(told(&owner, 5));
    lease_end(leases, &owner.lease);
    leases_free(&leases);
}

static void a_cancelled_or_lost_lease_tells_its_owner(void **state UNUSED)
{
    struct owner cancelled = {.lease = {.extend = extend, .lease_ms = 3}, .answer_cancelled = true};
    struct owner lost = {.lease = {.extend = extend, .lease_ms = 3}, .answer_ms = 30, .outcome = 2};
    struct leases *leases = NULL;

    assert_int_equal(leases_new(&leases), 0);
    assert_int_equal(lease_begin(leases, &cancelled.lease, NULL), 0);
    assert_int_equal(lease_begin(leases, &lost.lease, NULL), 0);
    assert_true(told(&cancelled, 20000));
    assert_true(told(&lost, 20000));
    lease_end(leases, &cancelled.lease);
    lease_end(leases, &lost.lease);
    assert_int_equal(cancelled.extensions, 1);
    leases_free(&leases);
}

static void an_answer_without_time_does_not_keep_the_owner(void **state UNUSED)
{
    struct owner owner = {.lease = {.extend = extend, .lease_ms = 3}, .answer_ms = 0};
    struct leases *leases = NULL;

    assert_int_equal(leases_new(&leases), 0);
    assert_int_equal(lease_begin(leases, &owner.lease, NULL), 0);
    while (atomic_load(&owner.extensions) < 2)
        assert_false(told(&owner, 1));
    lease_end(leases, &owner.lease);
    leases_free(&leases);
}

static void stopping_tells_everybody(void **state UNUSED)
{
    struct owner owner = {.lease = {.extend = extend, .lease_ms = 30000}, .answer_ms = 30000};
    struct leases *leases = NULL;

    assert_int_equal(leases_new(&leases), 0);
    assert_int_equal(lease_begin(leases, &owner.lease, NULL), 0);
    leases_cancel_all(leases);
    assert_true(told(&owner, 20000));
    lease_end(leases, &owner.lease);
    leases_free(&leases);
}

static void one_after_a_cancelled_lease_is_not_told(void **state UNUSED)
{
    struct leases *leases = NULL;

    assert_int_equal(leases_new(&leases), 0);
    for (int i = 0; i < 100; i++) {
        struct owner owner = {.lease = {.extend = extend, .lease_ms = 30000}};

        assert_int_equal(lease_begin(leases, &owner.lease, NULL), 0);
        assert_false(told(&owner, 0));
        if (i % 3 == 0)
            lease_cancel(&owner.lease);
        assert_int_equal(told(&owner, 0), i % 3 == 0);
        lease_end(leases, &owner.lease);
        assert_int_equal(owner.lease.cancel_fd, -1);
    }
    leases_free(&leases);
}

static void an_inner_lease_is_cancelled_with_the_outer(void **state UNUSED)
{
    struct owner outer = {.lease = {.extend = extend, .lease_ms = 3}, .answer_cancelled = true};
    struct owner inner = {.lease = {.extend = extend, .lease_ms = 30000}, .answer_ms = 30000};
    struct owner late = inner;
    struct leases *leases = NULL;

    assert_int_equal(leases_new(&leases), 0);
    assert_int_equal(lease_begin(leases, &outer.lease, NULL), 0);
    assert_int_equal(lease_begin(leases, &inner.lease, &outer.lease), 0);
    assert_true(told(&inner, 20000));
    lease_end(leases, &inner.lease);
    assert_int_equal(lease_begin(leases, &late.lease, &outer.lease), 0);
    assert_true(told(&late, 0));
    lease_end(leases, &late.lease);
    lease_end(leases, &outer.lease);
    leases_free(&leases);
}

static void an_inner_lease_leaves_the_outer_alone(void **state UNUSED)
{
    struct owner outer = {.lease = {.extend = extend, .lease_ms = 30000}, .answer_ms = 30000};
    struct owner inner = {.lease = {.extend = extend, .lease_ms = 3}, .answer_cancelled = true};
    struct leases *leases = NULL;

    assert_int_equal(leases_new(&leases), 0);
    assert_int_equal(lease_begin(leases, &outer.lease, NULL), 0);
    assert_int_equal(lease_begin(leases, &inner.lease, &outer.lease), 0);
    assert_true(told(&inner, 20000));
    lease_end(leases, &inner.lease);
    assert_false(told(&outer, 0));
    lease_end(leases, &outer.lease);
    leases_free(&leases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leases_are_extended_before_they_run_out),
        cmocka_unit_test(a_cancelled_or_lost_lease_tells_its_owner),
        cmocka_unit_test(an_answer_without_time_does_not_keep_the_owner),
        cmocka_unit_test(stopping_tells_everybody),
        cmocka_unit_test(one_after_a_cancelled_lease_is_not_told),
        cmocka_unit_test(an_inner_lease_is_cancelled_with_the_outer),
        cmocka_unit_test(an_inner_lease_leaves_the_outer_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
