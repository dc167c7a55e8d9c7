/* Nothing lies about durability: every allocation and every file call below a commit fails once in turn, and
 * a process that commits is killed. What was reported done is there after a crash; what failed is not. */
#include "base/buf.h"
#include "base/fail.h"
#include "base/io.h"
#include "db/db.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE item (name TEXT PRIMARY KEY, body BYTEA)"},
};
static const struct db_schema schema = {"item", migrations, 1};

static char folder[64];
static char path[96];

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-dbf-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    return 0;
}

static int teardown(void **state UNUSED)
{
    fail_arm(FAIL_IO, 0);
    fail_arm(FAIL_ALLOC, 0);
    return io_remove_tree(folder);
}

static int try_open(const char *file, struct db **ret)
{
    const char *name = NULL;
    CLEANUP(db_close) struct db *db = NULL;
    int r = db_open(file, &db);
    if (r == 0)
        r = db_migrate(db, &schema, 1, &name);
    if (r == 0)
        *ret = take(db);
    return r;
}

static int try_put(struct db *db, const char *name)
{
    static const char body[6000]; /* pages of overflow: more than one write */
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = db_begin(db, &tx);
    if (r == 0)
        r = tx_exec(tx, "INSERT INTO item (name, body) VALUES ($1, $2)", "sb", name,
                    ((struct str){body, sizeof(body)}));
    if (r == 0)
        tx_wake(tx, "item/%s", name);
    return r == 0 ? db_commit(&tx) : r;
}

static bool has(struct db *db, const char *name)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(db_read(db, &tx), 0);
    int r = tx_query_row(tx, &rows, "SELECT 1 FROM item WHERE name = $1", "s", name);
    assert_true(r == 0 || r == DB_NONE);
    return r == 0;
}

static void copy_file(const char *from, const char *to)
{
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(64 << 20);
    assert_int_equal(io_unlink(to), 0);
    int r = io_read_file(from, &bytes);
    if (r == -ENOENT)
        return;
    assert_int_equal(r, 0);
    assert_int_equal(io_write_file_atomic(to, buf_str(&bytes), 0600), 0);
}

/* Opens what a crash at this moment would leave: the files as they are, while the database is still open. */
static struct db *open_after_crash(void)
{
    char from[128], to[128];
    struct db *db = NULL;
    for (const char *const *suffix = (const char *const[]){"", "-wal", NULL}; *suffix; suffix++) {
        (void)snprintf(from, sizeof(from), "%s%s", path, *suffix);
        (void)snprintf(to, sizeof(to), "%s/crash.db%s", folder, *suffix);
        copy_file(from, to);
    }
    (void)snprintf(to, sizeof(to), "%s/crash.db", folder);
    assert_int_equal(try_open(to, &db), 0);
    return db;
}

/* Each round starts from the same state, or the nth call would be another one each time. `warm`: statements
 * are prepared and pages cached. Returns false when there was no nth call to fail. */
static bool commit_round(enum fail_kind kind, long nth, bool warm, int *ret_failures)
{
    struct db *db = NULL;
    assert_int_equal(try_open(path, &db), 0);
    if (warm)
        assert_int_equal(try_put(db, "before"), 0);
    fail_arm(kind, nth);
    int r = try_put(db, "item");
    bool fired = fail_fired(kind);
    fail_arm(kind, 0);
    assert_true(r <= 0 && (fired || r == 0));
    *ret_failures += r != 0;
    assert_int_equal(has(db, "item"), r == 0);
    struct db *crashed = open_after_crash();
    assert_int_equal(has(crashed, "item"), r == 0);
    assert_int_equal(has(crashed, "before"), warm);
    db_close(&crashed);
    assert_int_equal(try_put(db, "next"), 0);
    crashed = open_after_crash();
    assert_int_equal(has(crashed, "item"), r == 0);
    assert_true(has(crashed, "next"));
    db_close(&crashed);
    db_close(&db);
    assert_int_equal(io_unlink(path), 0);
    return fired;
}

static void commit_fails_honestly(enum fail_kind kind, bool warm)
{
    int failures = 0;
    for (long nth = 1; commit_round(kind, nth, warm, &failures);)
        nth++;
    assert_true(failures >= 3);
}

static void test_commit_with_each_allocation_failing(void **state UNUSED)
{
    commit_fails_honestly(FAIL_ALLOC, false);
}

static void test_commit_with_each_file_call_failing(void **state UNUSED)
{
    commit_fails_honestly(FAIL_IO, false);
}

static void test_warm_commit_with_each_allocation_failing(void **state UNUSED)
{
    commit_fails_honestly(FAIL_ALLOC, true);
}

static void test_warm_commit_with_each_file_call_failing(void **state UNUSED)
{
    commit_fails_honestly(FAIL_IO, true);
}

static void open_fails_honestly(enum fail_kind kind)
{
    struct db *db = NULL;
    assert_int_equal(try_open(path, &db), 0);
    assert_int_equal(try_put(db, "kept"), 0);
    db_close(&db);
    for (long nth = 1;; nth++) {
        fail_arm(kind, nth);
        int r = try_open(path, &db);
        bool fired = fail_fired(kind);
        fail_arm(kind, 0);
        assert_true(r <= 0);
        if (r < 0)
            assert_int_equal(try_open(path, &db), 0);
        assert_true(has(db, "kept"));
        db_close(&db);
        if (!fired) {
            assert_true(nth > 5);
            return;
        }
    }
}

static void test_open_with_each_allocation_failing(void **state UNUSED)
{
    open_fails_honestly(FAIL_ALLOC);
}

static void test_open_with_each_file_call_failing(void **state UNUSED)
{
    open_fails_honestly(FAIL_IO);
}

/* No room: file sizes are limited to what they are. Each commit is refused until there is room again. */
static void test_writes_go_on_when_there_is_room_again(void **state UNUSED)
{
    struct db *db = NULL;
    struct rlimit before, full;
    assert_int_equal(try_open(path, &db), 0);
    assert_int_equal(try_put(db, "before"), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = (struct rlimit){.rlim_cur = 16384, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    for (int i = 0; i < 5; i++)
        assert_true(try_put(db, "refused") < 0);
    bool readable = has(db, "before") && !has(db, "refused");
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    assert_true(readable);
    assert_int_equal(try_put(db, "after"), 0);
    struct db *crashed = open_after_crash();
    assert_true(has(crashed, "before") && has(crashed, "after") && !has(crashed, "refused"));
    db_close(&crashed);
    db_close(&db);
}

#define CALLERS 4
#define EACH 4

struct caller {
    pthread_t thread;
    struct db *db;
    long nth;
    int number;
    int results[EACH];
};

static void caller_name(const struct caller *caller, int i, char ret[48])
{
    (void)snprintf(ret, 48, "group-%ld-%d-%d", caller->nth, caller->number, i);
}

static void *caller_run(void *arg)
{
    struct caller *caller = arg;
    for (int i = 0; i < EACH; i++) {
        char name[48];
        caller_name(caller, i, name);
        caller->results[i] = try_put(caller->db, name);
    }
    return NULL;
}

static int group_round(struct db *db, enum fail_kind kind, long nth, bool *ret_fired)
{
    struct caller callers[CALLERS];
    int failures = 0;
    fail_arm(kind, nth);
    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){.db = db, .nth = nth, .number = i};
        assert_int_equal(pthread_create(&callers[i].thread, NULL, caller_run, &callers[i]), 0);
    }
    for (int i = 0; i < CALLERS; i++)
        pthread_join(callers[i].thread, NULL);
    *ret_fired = fail_fired(kind);
    fail_arm(kind, 0);
    struct db *crashed = open_after_crash();
    for (int i = 0; i < CALLERS * EACH; i++) {
        char name[48];
        const struct caller *caller = &callers[i / EACH];
        int r = caller->results[i % EACH];
        caller_name(caller, i % EACH, name);
        assert_int_equal(has(crashed, name), r == 0);
        assert_int_equal(has(db, name), r == 0);
        failures += r != 0;
    }
    db_close(&crashed);
    return failures;
}

/* A file call that fails in a group's commit fails every member of the group, and no one else. */
static void test_group_fails_for_each_of_its_callers(void **state UNUSED)
{
    for (enum fail_kind kind = FAIL_ALLOC; kind < FAIL_KINDS; kind++) {
        struct db *db = NULL;
        bool fired = true;
        int most = 0;
        assert_int_equal(try_open(path, &db), 0);
        for (long nth = 1; fired && nth < 400; nth += nth < 60 ? 1 : 13) {
            int failures = group_round(db, kind, nth, &fired);
            most = failures > most ? failures : most;
            assert_true(failures <= CALLERS);
        }
        assert_true(most >= 1);
        db_close(&db);
        assert_int_equal(io_unlink(path), 0);
    }
}

/* The child writes each name to the pipe after its commit has returned. */
static void commit_until_killed(int fd)
{
    struct db *db = NULL;
    if (try_open(path, &db) != 0)
        _exit(1);
    for (int i = 0;; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "k%d-%d", (int)getpid(), i);
        if (try_put(db, name) != 0 || write(fd, name, sizeof(name)) != sizeof(name))
            _exit(2);
    }
}

static void test_killed_process_keeps_what_it_reported(void **state UNUSED)
{
    for (int round = 0; round < 8; round++) {
        int ends[2], status;
        char names[400][16];
        size_t reported = 0, wanted = (size_t)(20 + round * 40);
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        pid_t pid = fork();
        if (pid == 0)
            commit_until_killed(ends[1]);
        close_fd(&ends[1]);
        for (; reported < wanted; reported++)
            assert_int_equal(read(ends[0], names[reported], 16), 16);
        assert_int_equal(kill(pid, SIGKILL), 0);
        while (reported < ARRAY_LEN(names) && read(ends[0], names[reported], 16) == 16)
            reported++;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        close_fd(&ends[0]);
        struct db *db = NULL;
        assert_int_equal(try_open(path, &db), 0);
        for (size_t i = 0; i < reported; i++)
            assert_true(has(db, names[i]));
        db_close(&db);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_killed_process_keeps_what_it_reported), /* first: it forks, while no thread runs */
        CASE(test_commit_with_each_allocation_failing),
        CASE(test_commit_with_each_file_call_failing),
        CASE(test_warm_commit_with_each_allocation_failing),
        CASE(test_warm_commit_with_each_file_call_failing),
        CASE(test_open_with_each_allocation_failing),
        CASE(test_open_with_each_file_call_failing),
        CASE(test_writes_go_on_when_there_is_room_again),
        CASE(test_group_fails_for_each_of_its_callers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
