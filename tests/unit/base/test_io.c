/* Files, folders, processes, the pool; injected failures. */
#include "base/clock.h"
#include "base/fail.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/proc.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];
static char path[128];

static int setup(void **state UNUSED)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-io-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int teardown(void **state UNUSED)
{
    fail_arm(FAIL_IO, 0);
    fail_arm(FAIL_ALLOC, 0);
    return io_remove_tree(folder);
}

static struct str content(struct buf *buf)
{
    buf_reset(buf);
    assert_int_equal(io_read_file(path, buf), 0);
    return buf_str(buf);
}

static void test_atomic_write_replaces_whole_files(void **state UNUSED)
{
    CLEANUP(buf_free) struct buf buf = BUF_INIT(100);
    struct stat found;
    assert_int_equal(io_write_file_atomic(path, STR("one"), 0600), 0);
    assert_int_equal(io_write_file_atomic(path, STR("second"), 0600), 0);
    assert_true(str_eqc(content(&buf), "second"));
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
}

/* Every system call fails once: the old content or the new is there, never a mixture, never a leftover. */
static void test_atomic_write_survives_each_failure(void **state UNUSED)
{
    CLEANUP(buf_free) struct buf buf = BUF_INIT(100);
    for (long nth = 1;; nth++) {
        assert_int_equal(io_write_file_atomic(path, STR("old"), 0600), 0);
        fail_arm(FAIL_IO, nth);
        int r = io_write_file_atomic(path, STR("new"), 0600);
        bool fired = fail_fired(FAIL_IO);
        fail_arm(FAIL_IO, 0);
        struct str now = content(&buf);
        assert_true(str_eqc(now, "old") || str_eqc(now, "new"));
        assert_true(r == 0 ? str_eqc(now, "new") : r == -EIO);
        if (!fired) {
            assert_int_equal(r, 0);
            assert_true(nth > 4);
            return;
        }
    }
}

static void test_read_stops_at_the_buffers_maximum(void **state UNUSED)
{
    CLEANUP(buf_free) struct buf buf = BUF_INIT(2);
    assert_int_equal(io_write_file_atomic(path, STR("abc"), 0600), 0);
    assert_int_equal(io_read_file(path, &buf), -EMSGSIZE);
    assert_int_equal(io_read_file("/nonexistent/x", &buf), -ENOENT);
}

static void test_pread_of_a_short_file_is_a_fault(void **state UNUSED)
{
    char bytes[4];
    assert_int_equal(io_write_file_atomic(path, STR("abc"), 0600), 0);
    CLEANUP(close_fd) int fd = io_open(path, O_RDONLY, 0);
    assert_int_equal(io_pread_all(fd, bytes, 2, 1), 0);
    assert_memory_equal(bytes, "bc", 2);
    assert_int_equal(io_pread_all(fd, bytes, 4, 0), -EIO);
}

/* Where the file system has such a flag, it is set; files and folders are as ever. */
static void test_a_folder_whose_folders_lie_apart_is_a_folder(void **state UNUSED)
{
    char inner[100];
    int flags = 0, fd = io_open(folder, O_RDONLY | O_DIRECTORY, 0);
    bool spread = io_spread_folders(folder);
    assert_true(fd >= 0);
    assert_true(!spread || (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_TOPDIR_FL)));
    (void)close(fd);
    (void)snprintf(inner, sizeof(inner), "%s/inner", folder);
    assert_int_equal(io_mkdir(inner, 0700), 0);
    assert_int_equal(io_remove_tree(inner), 0);
    assert_false(io_spread_folders(inner));
}

static void test_folders_are_made_and_removed_with_all_below(void **state UNUSED)
{
    char deep[256], outside[128], link_path[300];
    size_t count = 1;
    (void)snprintf(deep, sizeof(deep), "%s/tree/a/b/c", folder);
    assert_int_equal(io_mkdir_parents(deep, 0700), 0);
    assert_int_equal(io_mkdir_parents(deep, 0700), 0);
    (void)snprintf(outside, sizeof(outside), "%s/outside", folder);
    assert_int_equal(io_write_file_atomic(outside, STR("x"), 0600), 0);
    assert_int_equal(io_mkdir(outside, 0700), -EEXIST);
    (void)snprintf(link_path, sizeof(link_path), "%s/link", deep);
    assert_int_equal(symlink(folder, link_path), 0);
    (void)snprintf(deep, sizeof(deep), "%s/tree", folder);
    assert_int_equal(io_remove_tree_count(deep, &count), 0);
    assert_int_equal(count, 1 + 5); /* tree, a, b, c, the link */
    assert_int_equal(access(deep, F_OK), -1);
    assert_int_equal(io_remove_tree_count(deep, &count), 0);
    assert_int_equal(count, 1 + 5);
    assert_int_equal(access(outside, F_OK), 0);
    assert_int_equal(io_remove_tree(deep), 0);
    assert_int_equal(io_unlink(deep), 0);
}

static int remove_folders_of_mode(mode_t mode)
{
    char tree[100], in[128], file[160];
    (void)snprintf(tree, sizeof(tree), "%s/tree", folder);
    (void)snprintf(in, sizeof(in), "%s/in", tree);
    (void)snprintf(file, sizeof(file), "%s/file", in);
    if (io_mkdir_parents(in, 0700) || io_write_file_atomic(file, STR("x"), 0400) || chmod(in, mode) ||
        chmod(tree, mode))
        return -errno;
    return io_remove_tree(tree);
}

/* Root is asked for no permission: this process is somebody else then. */
static void test_folders_that_forbid_it_are_removed(void **state UNUSED)
{
    static const mode_t modes[] = {0555, 0444, 0111, 0};
    enum { NOBODY = 65534 };
    bool root = geteuid() == 0;
    int r = 0;
    assert_int_equal(root ? chown(folder, NOBODY, NOBODY) || seteuid(NOBODY) : 0, 0);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(modes); i++)
        r = remove_folders_of_mode(modes[i]);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    assert_int_equal(r, 0);
}

static void test_injected_failure_fires_once(void **state UNUSED)
{
    fail_arm(FAIL_ALLOC, 2);
    CLEANUP(free_ptr) void *first = mem_alloc(1);
    assert_non_null(first);
    assert_false(fail_fired(FAIL_ALLOC));
    assert_null(mem_alloc(1));
    assert_true(fail_fired(FAIL_ALLOC));
    CLEANUP(free_ptr) void *third = mem_realloc(NULL, 1);
    assert_non_null(third);
    fail_arm(FAIL_ALLOC, 0);
    assert_false(fail_fired(FAIL_ALLOC));
}

static void test_child_runs_with_its_folder_and_files(void **state UNUSED)
{
    CLEANUP(buf_free) struct buf buf = BUF_INIT(200);
    int fd = io_open(path, O_WRONLY | O_CREAT, 0600);
    const char *const argv[] = {"sh", "-c", "pwd; echo $WHO; cat; exit 3", NULL};
    const char *const envp[] = {"WHO=me", "PATH=/usr/bin:/bin", NULL};
    const struct proc_spec spec = {
        .argv = argv, .envp = envp, .cwd = folder, .stdin_fd = -1, .stdout_fd = fd, .stderr_fd = -1};
    pid_t pid;
    int status;
    assert_int_equal(proc_spawn(&spec, &pid), 0);
    close_fd(&fd);
    assert_int_equal(proc_wait(pid, -1, &status), 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    char expected[128];
    (void)snprintf(expected, sizeof(expected), "%s\nme\n", folder);
    assert_true(str_eqc(content(&buf), expected));
}

static void test_child_group_is_killed_as_a_whole(void **state UNUSED)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    const char *const argv[] = {"sh", "-c", "sleep 600 & echo x; wait", NULL};
    const struct proc_spec spec = {.argv = argv, .stdin_fd = -1, .stdout_fd = ends[1], .stderr_fd = -1};
    pid_t pid;
    int status;
    char byte;
    assert_int_equal(proc_spawn(&spec, &pid), 0);
    close_fd(&ends[1]);
    assert_int_equal(io_read(ends[0], &byte, 1), 1);
    assert_int_equal(proc_wait(pid, 20, &status), PROC_RUNNING);
    proc_kill_group(pid, SIGKILL);
    assert_int_equal(proc_wait(pid, 10000, &status), 0);
    assert_true(WIFSIGNALED(status));
    ssize_t rest;
    do {
        rest = io_read(ends[0], &byte, 1);
    } while (rest > 0);
    assert_int_equal(rest, 0); /* the grandchild let go of the pipe: it is dead too */
    close_fd(&ends[0]);
}

static void test_missing_program_is_a_fault(void **state UNUSED)
{
    const char *const argv[] = {"/nonexistent/program", NULL};
    const struct proc_spec spec = {.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    pid_t pid;
    assert_int_equal(proc_spawn(&spec, &pid), -ENOENT);
}

struct counting_job {
    struct pool_job job;
    atomic_int *count;
};

static void count_run(struct pool_job *job)
{
    atomic_fetch_add(CONTAINER_OF(job, struct counting_job, job)->count, 1);
}

static void test_pool_runs_all_that_is_queued_before_it_ends(void **state UNUSED)
{
    struct pool *pool = NULL;
    static struct counting_job jobs[1000];
    atomic_int count = 0;
    assert_int_equal(pool_new(4, "test", &pool), 0);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct counting_job){.job.run = count_run, .count = &count};
        assert_true(pool_submit(pool, &jobs[i].job));
    }
    pool_free(&pool);
    assert_null(pool);
    assert_int_equal(count, 1000);
}

/* Given to a thread that waits, or before any does. */
static void test_pool_runs_a_single_job_before_it_ends(void **state UNUSED)
{
    for (int i = 0; i < 500; i++) {
        struct pool *pool = NULL;
        atomic_int count = 0;
        struct counting_job only = {.job.run = count_run, .count = &count};
        assert_int_equal(pool_new(2, "test", &pool), 0);
        if (i % 2)
            (void)sched_yield();
        assert_true(pool_submit(pool, &only.job));
        pool_free(&pool);
        assert_int_equal(count, 1);
    }
}

static void test_a_closed_pool_has_run_all_and_takes_no_more(void **state UNUSED)
{
    struct pool *pool = NULL;
    atomic_int count = 0;
    struct counting_job first = {.job.run = count_run, .count = &count}, late = first;
    assert_int_equal(pool_new(2, "test", &pool), 0);
    assert_true(pool_submit(pool, &first.job));
    pool_close(pool);
    assert_int_equal(count, 1);
    assert_false(pool_submit(pool, &late.job));
    pool_close(pool); /* again: nothing */
    pool_free(&pool);
    assert_int_equal(count, 1);
}

static pthread_barrier_t together;

static void meet(struct pool_job *job)
{
    (void)pthread_barrier_wait(&together);
    count_run(job);
}

/* None of them ends before all have begun. */
static void test_pool_runs_as_many_jobs_at_once_as_it_may(void **state UNUSED)
{
    struct pool *pool = NULL;
    static struct counting_job jobs[12];
    atomic_int count = 0;
    assert_int_equal(pthread_barrier_init(&together, NULL, 4), 0);
    assert_int_equal(pool_new(4, "test", &pool), 0);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct counting_job){.job.run = meet, .count = &count};
        assert_true(pool_submit(pool, &jobs[i].job));
    }
    pool_free(&pool);
    assert_int_equal(count, 12);
    (void)pthread_barrier_destroy(&together);
}

struct pausing_job {
    struct pool_job job;
    atomic_int *others; /* that have run */
    int before_pause;
    int after;
};

static void pause_until_others_have_run(struct pool_job *job)
{
    struct pausing_job *pausing = CONTAINER_OF(job, struct pausing_job, job);
    (void)pthread_barrier_wait(&together); /* they are queued */
    pausing->before_pause = atomic_load(pausing->others);
    pool_pauses();
    while (atomic_load(pausing->others) == 0)
        (void)sched_yield();
    pool_goes_on();
    pausing->after = atomic_load(pausing->others);
}

static void test_a_pool_that_wakes_few_wakes_one_for_who_pauses(void **state UNUSED)
{
    struct pool *pool = NULL;
    atomic_int count = 0;
    struct pausing_job first = {.job.run = pause_until_others_have_run, .others = &count};
    struct counting_job second = {.job.run = count_run, .count = &count};
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    assert_int_equal(pool_new(2, "test", &pool), 0);
    pool_wakes_few(pool);
    assert_true(pool_submit(pool, &first.job));
    assert_true(pool_submit(pool, &second.job));
    (void)pthread_barrier_wait(&together);
    while (atomic_load(&count) == 0) /* a pool that closes starts no threads */
        (void)sched_yield();
    pool_free(&pool);
    assert_int_equal(first.before_pause, 0);
    assert_int_equal(first.after, 1);
    assert_int_equal(count, 1);
    (void)pthread_barrier_destroy(&together);
}

static void pause_in_a_closed_pool(struct pool_job *job)
{
    (void)poll(NULL, 0, 50); /* the pool is closed, and who was idle has ended */
    pool_pauses();
    pool_goes_on();
    count_run(job);
}

static void test_a_pool_that_closes_gives_no_job_to_who_has_ended(void **state UNUSED)
{
    struct pool *pool = NULL;
    atomic_int count = 0;
    struct pausing_job first = {.job.run = pause_until_others_have_run, .others = &count};
    struct counting_job second = {.job.run = count_run, .count = &count}, fourth = second;
    struct counting_job third = {.job.run = pause_in_a_closed_pool, .count = &count};
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    assert_int_equal(pool_new(2, "test", &pool), 0);
    pool_wakes_few(pool);
    assert_true(pool_submit(pool, &first.job)); /* a second thread begins while it pauses */
    assert_true(pool_submit(pool, &second.job));
    (void)pthread_barrier_wait(&together);
    while (atomic_load(&count) < 1)
        (void)sched_yield();
    (void)poll(NULL, 0, 10); /* both are idle */
    assert_true(pool_submit(pool, &third.job));
    assert_true(pool_submit(pool, &fourth.job));
    pool_free(&pool);
    assert_int_equal(count, 3);
    (void)pthread_barrier_destroy(&together);
}

/* The first ends when another has begun beside it. */
static void test_a_pool_that_wakes_few_wakes_another_when_many_wait(void **state UNUSED)
{
    struct pool *pool = NULL;
    static struct counting_job jobs[24];
    atomic_int count = 0;
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    assert_int_equal(pool_new(4, "test", &pool), 0);
    pool_wakes_few(pool);
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        jobs[i] = (struct counting_job){.job.run = i == 0 || i == 12 ? meet : count_run, .count = &count};
        assert_true(pool_submit(pool, &jobs[i].job));
    }
    pool_free(&pool);
    assert_int_equal(count, 24);
    (void)pthread_barrier_destroy(&together);
}

static int64_t fixed_time(void)
{
    return 1234;
}

static void test_wall_clock_can_be_replaced(void **state UNUSED)
{
    clock_set(fixed_time);
    assert_int_equal(clock_now_ms(), 1234);
    clock_set(NULL);
    assert_true(clock_now_ms() > 1700000000000);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_atomic_write_replaces_whole_files),
        CASE(test_atomic_write_survives_each_failure),
        CASE(test_read_stops_at_the_buffers_maximum),
        CASE(test_pread_of_a_short_file_is_a_fault),
        CASE(test_a_folder_whose_folders_lie_apart_is_a_folder),
        CASE(test_folders_are_made_and_removed_with_all_below),
        CASE(test_folders_that_forbid_it_are_removed),
        CASE(test_injected_failure_fires_once),
        CASE(test_child_runs_with_its_folder_and_files),
        CASE(test_child_group_is_killed_as_a_whole),
        CASE(test_missing_program_is_a_fault),
        CASE(test_pool_runs_all_that_is_queued_before_it_ends),
        CASE(test_pool_runs_a_single_job_before_it_ends),
        CASE(test_a_closed_pool_has_run_all_and_takes_no_more),
        CASE(test_a_pool_that_wakes_few_wakes_one_for_who_pauses),
        CASE(test_a_pool_that_wakes_few_wakes_another_when_many_wait),
        CASE(test_a_pool_that_closes_gives_no_job_to_who_has_ended),
        CASE(test_pool_runs_as_many_jobs_at_once_as_it_may),
        CASE(test_wall_clock_can_be_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
