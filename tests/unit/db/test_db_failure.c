/* Nothing lies about durability: every allocation and every file call below a commit fails once in turn, and
 * a process that commits is killed. What was reported done is there after a crash; what failed is not. */
#include "base/buf.h"
#include "base/fail.h"
#include "base/io.h"
#include "db/db.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
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

/* Opens what a crash at this moment would leave: the files as they are, while the database is still open. Of
 * SQLite's log `wal_bytes`, where less has reached the disk; negative: all. */
static struct db *open_after_power_loss(off_t wal_bytes)
{
    char from[128], to[128];
    struct db *db = NULL;
    for (const char *const *suffix = (const char *const[]){"", "-wal", "-redo", NULL}; *suffix; suffix++) {
        (void)snprintf(from, sizeof(from), "%s%s", path, *suffix);
        (void)snprintf(to, sizeof(to), "%s/crash.db%s", folder, *suffix);
        copy_file(from, to);
    }
    (void)snprintf(to, sizeof(to), "%s/crash.db-wal", folder);
    if (wal_bytes >= 0)
        assert_int_equal(truncate(to, wal_bytes), 0);
    (void)snprintf(to, sizeof(to), "%s/crash.db", folder);
    assert_int_equal(try_open(to, &db), 0);
    return db;
}

static struct db *open_after_crash(void)
{
    return open_after_power_loss(-1);
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
    assert_true(failures >= 2); /* of the file: write and sync */
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

/* Fills the disk to its last page. */
static void put_ballast(const char *file)
{
    static const char zeros[4096];
    CLEANUP(close_fd) int fd = io_open(file, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    while (write(fd, zeros, sizeof(zeros)) > 0)
        ;
    assert_int_equal(errno, ENOSPC);
}

/* A full disk: commits are refused, and what was committed is read, until there is room again. */
static void test_writes_go_on_when_there_is_room_again(void **state UNUSED)
{
    char disk[80], ballast[96], name[16];
    struct db *db = NULL;
    int done[300], refused = 0;
    (void)snprintf(disk, sizeof(disk), "%s/disk", folder);
    assert_int_equal(io_mkdir(disk, 0700), 0);
    assert_int_equal(mount("none", disk, "tmpfs", 0, "size=40m"), 0);
    (void)snprintf(path, sizeof(path), "%s/test.db", disk);
    (void)snprintf(ballast, sizeof(ballast), "%s/ballast", disk);
    assert_int_equal(try_open(path, &db), 0);
    assert_int_equal(try_put(db, "before"), 0);
    put_ballast(ballast);
    for (size_t i = 0; i < ARRAY_LEN(done); i++) {
        (void)snprintf(name, sizeof(name), "full-%zu", i);
        done[i] = try_put(db, name);
        refused += done[i] != 0;
        assert_int_equal(has(db, name), done[i] == 0);
    }
    assert_true(refused > 0 && has(db, "before"));
    assert_int_equal(io_unlink(ballast), 0);
    assert_int_equal(try_put(db, "after"), 0);
    db_close(&db);
    assert_int_equal(try_open(path, &db), 0);
    assert_true(has(db, "before") && has(db, "after"));
    for (size_t i = 0; i < ARRAY_LEN(done); i++) {
        (void)snprintf(name, sizeof(name), "full-%zu", i);
        assert_int_equal(has(db, name), done[i] == 0);
    }
    db_close(&db);
    assert_int_equal(umount(disk), 0);
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

static off_t wal_size(void)
{
    char wal[128];
    struct stat found;
    (void)snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_equal(stat(wal, &found), 0);
    return found.st_size;
}

/* SQLite's log is synced when the database is opened, and when its pages are moved; what comes between may be
 * lost with the power, from any place on. The redo log has it. */
static void test_lost_power_loses_nothing_that_was_reported(void **state UNUSED)
{
    struct db *db = NULL;
    char name[16];
    assert_int_equal(try_open(path, &db), 0);
    assert_int_equal(try_put(db, "first"), 0);
    assert_true(has(db, "first")); /* is published: the tables are in SQLite's log */
    off_t synced = wal_size();
    for (int i = 0; i < 40; i++) {
        (void)snprintf(name, sizeof(name), "lost-%d", i);
        assert_int_equal(try_put(db, name), 0);
        if (i % 3 == 0)
            assert_true(has(db, name));
    }
    off_t end = wal_size();
    assert_true(end > synced + 20 * 4096);
    for (off_t bytes = synced; bytes <= end; bytes += 10007) {
        struct db *crashed = open_after_power_loss(bytes);
        for (int i = 0; i < 40; i++) {
            (void)snprintf(name, sizeof(name), "lost-%d", i);
            assert_true(has(crashed, name));
        }
        assert_int_equal(try_put(crashed, "after"), 0);
        db_close(&crashed);
    }
    db_close(&db);
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
        size_t reported = 0, wanted = 20 + (size_t)round * 40;
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

/* Mounts of one's own, for small disks: without privileges in a user namespace, as the sandbox does it. */
static int own_mounts(void)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return -1;
    return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* In a process of its own, which ends by `_exit`, as a kill would end it, or after a clean close. */
static void count_once(bool close_it)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        struct db *db = NULL;
        struct tx *tx = NULL;
        int r = db_open(path, &db);
        if (r == 0)
            r = db_begin(db, &tx);
        if (r == 0)
            r = tx_exec(tx, "UPDATE counter SET n = n + 1", "");
        if (r == 0)
            r = db_commit(&tx);
        if (close_it)
            db_close(&db);
        _exit(r == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Logs of equal length, one after another: what one generation has is not taken for the other's. */
static void test_nothing_is_run_twice_after_crashes(void **state UNUSED)
{
    static const struct db_migration counter_migrations[] = {
        {1, "CREATE TABLE counter (n BIGINT NOT NULL); INSERT INTO counter (n) VALUES (0)"}};
    static const struct db_schema counter = {"counter", counter_migrations, 1};
    static const bool closes[] = {true, false, true, false, false, true, true, false, false, false};
    const char *name = NULL;
    struct db *db = NULL;
    struct tx *tx = NULL;
    struct rows *rows = NULL;
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &counter, 1, &name), 0);
    db_close(&db);
    for (size_t i = 0; i < ARRAY_LEN(closes); i++)
        count_once(closes[i]);
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_read(db, &tx), 0);
    assert_int_equal(tx_query_row(tx, &rows, "SELECT n FROM counter", ""), 0);
    assert_int_equal(rows_int(rows, 0), ARRAY_LEN(closes));
    rows_close(&rows);
    db_end(&tx);
    db_close(&db);
}

int main(void)
{
    if (own_mounts() != 0) {
        perror("a mount namespace");
        return 1;
    }
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_killed_process_keeps_what_it_reported), /* first: it forks, while no thread runs */
        CASE(test_nothing_is_run_twice_after_crashes),    /* forks too */
        CASE(test_lost_power_loses_nothing_that_was_reported),
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
