/* While a commit is on its way to the disk: who looks at what it changes waits for it, who looks at something
 * else does not; who commits without waiting is told afterwards. The disk is a gate that the test opens. */
#include "base/clock.h"
#include "base/io.h"
#include "base/wake.h"
#include "db/db.h"
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#define HUNG_S 60       /* a look that waits for ever ends the test */
#define TOO_EARLY_MS 20 /* for a look to tell what it must not yet */

enum subject { ANYTHING = DB_ANYTHING, APPLE, PEAR, NOTHING };

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool shut;
    bool fails;
    int waiting;
};

static struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
static char folder[64];
static char path[96];

int __wrap_io_fdatasync(int fd);
int __real_io_fdatasync(int fd);

int __wrap_io_fdatasync(int fd)
{
    pthread_mutex_lock(&gate.lock);
    gate.waiting++;
    pthread_cond_broadcast(&gate.changed);
    while (gate.shut)
        pthread_cond_wait(&gate.changed, &gate.lock);
    gate.waiting--;
    bool fails = gate.fails;
    pthread_mutex_unlock(&gate.lock);
    return fails ? -EIO : __real_io_fdatasync(fd);
}

static void gate_set(bool shut, bool fails)
{
    pthread_mutex_lock(&gate.lock);
    gate.shut = shut;
    gate.fails = fails;
    pthread_cond_broadcast(&gate.changed);
    pthread_mutex_unlock(&gate.lock);
}

static void gate_await_one(void)
{
    pthread_mutex_lock(&gate.lock);
    while (gate.waiting == 0)
        pthread_cond_wait(&gate.changed, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-look-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    (void)alarm(HUNG_S);
    return 0;
}

static int teardown(void **state UNUSED)
{
    gate_set(false, false);
    (void)alarm(0);
    return io_remove_tree(folder);
}

/* ---- who writes, and who looks */

struct writing {
    struct db *db;
    uint64_t touches; /* ANYTHING: it does not say */
    const char *name;
    bool wakes_soon; /* who awaits "soon" */
    int result;
};

static void *write_item(void *arg)
{
    struct writing *writing = arg;
    struct tx *tx = NULL;
    writing->result = db_begin(writing->db, &tx);
    if (writing->result < 0)
        return NULL;
    writing->result = tx_exec(tx, "INSERT INTO items (name) VALUES ($1)", "s", writing->name);
    if (writing->touches != ANYTHING && writing->touches != NOTHING)
        tx_touches(tx, writing->touches);
    if (writing->touches != ANYTHING)
        tx_touches_no_more(tx);
    if (writing->wakes_soon)
        tx_wake_soon(tx, "soon");
    if (writing->result == 0)
        writing->result = db_commit(&tx);
    db_end(&tx);
    return NULL;
}

struct looking {
    struct db *db;
    uint64_t subject;
    int64_t count; /* of the items that it sees */
    int result;
    atomic_bool seen; /* and waits, if it is to */
};

static void *look(void *arg)
{
    struct looking *looking = arg;
    struct tx *tx = NULL;
    struct rows *rows = NULL;
    looking->result = db_look(looking->db, looking->subject, &tx);
    if (looking->result == 0)
        looking->result = tx_query_row(tx, &rows, "SELECT COUNT(*) FROM items", "");
    if (looking->result == 0)
        looking->count = rows_int(rows, 0);
    rows_close(&rows);
    atomic_store(&looking->seen, true);
    if (looking->result == 0)
        looking->result = db_commit(&tx);
    db_end(&tx);
    wake_signal("look");
    return NULL;
}

/* One item is acknowledged, and no other connection has seen it. */
static struct db *open_items(void)
{
    static const struct db_migration migration = {1, "CREATE TABLE items (name TEXT PRIMARY KEY)"};
    static const struct db_schema schema = {"items", &migration, 1};
    struct db *db = NULL;
    const char *name = NULL;
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &schema, 1, &name), 0);
    struct writing first = {.db = db, .touches = APPLE, .name = "first"};
    (void)write_item(&first);
    assert_int_equal(first.result, 0);
    return db;
}

/* ---- commits that nobody waits for */

struct told {
    struct db_later later;
    atomic_int times;
    int result;
};

static void tell(struct db_later *later, int result)
{
    struct told *told = CONTAINER_OF(later, struct told, later);
    told->result = result;
    atomic_fetch_add(&told->times, 1);
    wake_signal("told");
}

static void write_later(struct db *db, const char *name, struct told *told)
{
    struct tx *tx = NULL;
    *told = (struct told){.later.done = tell};
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(tx_exec(tx, "INSERT INTO items (name) VALUES ($1)", "s", name), 0);
    tx_wake(tx, "woken");
    assert_int_equal(db_commit_later(&tx, &told->later), 0);
    assert_null(tx);
}

static void await_told(struct told *told)
{
    for (;;) {
        wake_ticket ticket = wake_look("told");
        if (atomic_load(&told->times) > 0)
            return;
        (void)wake_wait("told", ticket, INT64_MAX);
    }
}

/* Begins a commit that the shut gate holds. */
static pthread_t begin_writing(struct writing *writing)
{
    pthread_t thread;
    gate_set(true, false);
    assert_int_equal(pthread_create(&thread, NULL, write_item, writing), 0);
    gate_await_one();
    return thread;
}

static void looks_without_waiting(struct db *db, uint64_t subject)
{
    struct looking looking = {.db = db, .subject = subject};
    (void)look(&looking);
    assert_int_equal(looking.result, 0);
    assert_true(looking.count >= 1); /* what is acknowledged */
}

static void test_other_subject_is_not_waited_for(void **state UNUSED)
{
    struct db *db = open_items();
    struct writing writing = {.db = db, .touches = APPLE, .name = "second"};
    pthread_t writer = begin_writing(&writing);
    looks_without_waiting(db, PEAR);
    gate_set(false, false);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(writing.result, 0);
    looks_without_waiting(db, APPLE);
    looks_without_waiting(db, ANYTHING);
    db_close(&db);
}

/* The look's outcome when the gate opens, whose commit it must not have told of before. */
static struct looking look_at_pending(uint64_t touches, uint64_t subject, bool fails)
{
    struct db *db = open_items();
    struct writing writing = {.db = db, .touches = touches, .name = "second"};
    struct looking looking = {.db = db, .subject = subject};
    wake_ticket ticket = wake_look("look");
    pthread_t looker, writer = begin_writing(&writing);
    assert_int_equal(pthread_create(&looker, NULL, look, &looking), 0);
    while (!atomic_load(&looking.seen))
        (void)sched_yield();
    bool early = wake_wait("look", ticket, clock_mono_ms() + TOO_EARLY_MS);
    gate_set(false, fails);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(pthread_join(looker, NULL), 0);
    gate_set(false, false);
    assert_false(early);
    assert_int_equal(writing.result < 0, fails);
    struct looking after = {.db = db, .subject = subject};
    (void)look(&after);
    assert_int_equal(after.count, fails ? 1 : 2);
    db_close(&db);
    return looking;
}

static void test_its_subject_is_waited_for(void **state UNUSED)
{
    struct looking looking = look_at_pending(APPLE, APPLE, false);
    assert_int_equal(looking.result, 0);
    assert_int_equal(looking.count, 2);
}

static void test_who_says_nothing_may_touch_it(void **state UNUSED)
{
    assert_int_equal(look_at_pending(ANYTHING, PEAR, false).count, 2);
}

static void test_all_is_waited_for_when_all_is_looked_at(void **state UNUSED)
{
    assert_int_equal(look_at_pending(PEAR, ANYTHING, false).count, 2);
}

static void test_what_touches_nothing_is_part_of_all(void **state UNUSED)
{
    assert_int_equal(look_at_pending(NOTHING, ANYTHING, false).count, 2);
}

static void test_what_never_becomes_durable_is_not_told(void **state UNUSED)
{
    assert_true(look_at_pending(APPLE, APPLE, true).result < 0);
}

/* The first is being synced while the others come; no thread waits for any of those. */
static void commit_three_later(bool fails, struct told told[3])
{
    static const char *const names[] = {"a", "b", "c"};
    struct db *db = open_items();
    struct writing writing = {.db = db, .touches = APPLE, .name = "second"};
    wake_ticket woken = wake_look("woken");
    pthread_t writer = begin_writing(&writing);
    for (size_t i = 0; i < 3; i++) {
        write_later(db, names[i], &told[i]);
        assert_int_equal(atomic_load(&told[i].times), 0);
    }
    assert_int_equal(wake_look("woken"), woken);
    gate_set(false, fails);
    for (size_t i = 0; i < 3; i++)
        await_told(&told[i]);
    gate_set(false, false);
    assert_int_equal(wake_look("woken") == woken, fails);
    assert_int_equal(pthread_join(writer, NULL), 0);
    struct looking after = {.db = db};
    (void)look(&after);
    assert_int_equal(after.count, fails ? 1 : 5);
    db_close(&db);
}

static void test_who_does_not_wait_is_told_when_it_is_durable(void **state UNUSED)
{
    struct told told[3];
    commit_three_later(false, told);
    for (size_t i = 0; i < 3; i++)
        assert_true(told[i].result == 0 && atomic_load(&told[i].times) == 1);
}

static void test_who_does_not_wait_is_told_of_the_failure(void **state UNUSED)
{
    struct told told[3];
    commit_three_later(true, told);
    for (size_t i = 0; i < 3; i++)
        assert_true(told[i].result < 0 && atomic_load(&told[i].times) == 1);
}

/* Of what was seen by who refuses: a transaction without changes is durable no sooner than those before it.
 */
static void commit_nothing_later(bool fails, struct told *told)
{
    struct db *db = open_items();
    struct writing writing = {.db = db, .touches = APPLE, .name = "second"};
    struct tx *tx = NULL;
    pthread_t writer = begin_writing(&writing);
    *told = (struct told){.later.done = tell};
    assert_int_equal(db_begin_sure(db, &tx), 0);
    assert_int_equal(db_commit_later(&tx, &told->later), 0);
    wake_ticket ticket = wake_look("told");
    assert_false(wake_wait("told", ticket, clock_mono_ms() + TOO_EARLY_MS));
    assert_int_equal(atomic_load(&told->times), 0);
    gate_set(false, fails);
    await_told(told);
    gate_set(false, false);
    assert_int_equal(pthread_join(writer, NULL), 0);
    db_close(&db);
}

static void test_nothing_is_durable_after_what_came_before(void **state UNUSED)
{
    struct told told;
    commit_nothing_later(false, &told);
    assert_int_equal(told.result, 0);
}

static void test_nothing_fails_with_what_came_before(void **state UNUSED)
{
    struct told told;
    commit_nothing_later(true, &told);
    assert_true(told.result < 0);
}

static int64_t count_items(struct tx *tx)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(tx_query_row(tx, &rows, "SELECT COUNT(*) FROM items", ""), 0);
    return rows_int(rows, 0);
}

/* The disk holds the first commit after all was published: who is woken by it sees it, and goes on with a
 * commit of its own, which is durable with it and no sooner. */
static void work_while_the_disk_does(bool fails)
{
    struct db *db = open_items();
    struct tx *tx = NULL;
    struct told told;
    assert_int_equal(db_read(db, &tx), 0);
    db_end(&tx);
    struct writing writing = {.db = db, .touches = ANYTHING, .name = "second", .wakes_soon = true};
    wake_ticket before = wake_look("soon");
    pthread_t writer = begin_writing(&writing);
    assert_int_not_equal(wake_look("soon"), before);
    wake_ticket after = wake_look("soon");
    assert_int_equal(db_look(db, DB_ANYTHING, &tx), 0);
    assert_int_equal(count_items(tx), 2);
    db_end(&tx); /* a look that nobody is told of waits for nothing */
    write_later(db, "third", &told);
    assert_int_equal(atomic_load(&told.times), 0);
    gate_set(false, fails);
    assert_int_equal(pthread_join(writer, NULL), 0);
    await_told(&told);
    gate_set(false, false);
    assert_int_equal(writing.result < 0, fails);
    assert_int_equal(told.result < 0, fails);
    assert_int_equal(wake_look("soon"), after);
    struct looking looking = {.db = db};
    (void)look(&looking);
    assert_int_equal(looking.count, fails ? 1 : 3);
    db_close(&db);
}

static void test_who_is_woken_soon_works_while_the_disk_does(void **state UNUSED)
{
    work_while_the_disk_does(false);
}

static void test_what_was_done_on_what_never_became_durable_fails_with_it(void **state UNUSED)
{
    work_while_the_disk_does(true);
}

static void test_who_must_not_wait_is_told_that_it_would(void **state UNUSED)
{
    struct db *db = open_items();
    struct tx *tx = NULL;
    struct writing writing = {.db = db, .touches = APPLE, .name = "second"};
    pthread_t writer = begin_writing(&writing);
    assert_int_equal(db_look_soon(db, APPLE, &tx), DB_BUSY);
    assert_int_equal(db_look_soon(db, PEAR, &tx), 0);
    assert_int_equal(db_commit(&tx), 0);
    gate_set(false, false);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(db_look_soon(db, APPLE, &tx), 0);
    assert_int_equal(db_commit(&tx), 0);
    db_close(&db);
}

static void *look_soon(void *arg)
{
    struct looking *looking = arg;
    struct tx *tx = NULL;
    looking->result = db_look_soon(looking->db, looking->subject, &tx);
    return NULL;
}

static void test_who_must_not_wait_does_not_wait_for_a_long_transaction(void **state UNUSED)
{
    struct db *db = open_items();
    struct tx *tx = NULL;
    struct looking looking = {.db = db, .subject = PEAR};
    pthread_t looker;
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(pthread_create(&looker, NULL, look_soon, &looking), 0);
    assert_int_equal(pthread_join(looker, NULL), 0);
    assert_int_equal(looking.result, DB_BUSY);
    db_end(&tx);
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_other_subject_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_its_subject_is_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_says_nothing_may_touch_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_is_waited_for_when_all_is_looked_at, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_touches_nothing_is_part_of_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_never_becomes_durable_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_does_not_wait_is_told_when_it_is_durable, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_does_not_wait_is_told_of_the_failure, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_durable_after_what_came_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_fails_with_what_came_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_woken_soon_works_while_the_disk_does, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_done_on_what_never_became_durable_fails_with_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_who_must_not_wait_is_told_that_it_would, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_must_not_wait_does_not_wait_for_a_long_transaction, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
