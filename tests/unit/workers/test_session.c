/* Build steps in one sandboxed shell. */
#include "base/clock.h"
#include "base/io.h"
#include "base/buf.h"
#include "workers/anchor/session.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
    char folder[64];
    char steps[80];
    struct buf output;
    struct session *session;
    int cancel_fd;
};

static void output_bytes(void *ctx, const char *bytes, size_t len)
{
    struct fixture *f = ctx;

    buf_put(&f->output, bytes, len);
}

static int64_t output_due(void *ctx UNUSED)
{
    return INT64_MAX;
}

static void output_flush(void *ctx UNUSED)
{
}

static void open_session(struct fixture *f)
{
    static const char *const envp[] = {"PATH=/usr/bin:/bin", "GREETING=hello", NULL};
    const struct session_spec spec = {
        .folder = f->folder,
        .steps = f->steps,
        .cwd = SANDBOX_FOLDER,
        .shell = "sh",
        .envp = envp,
        .memory_kib = 64 << 10,
        .cpu_s = 60,
        .cancel_fd = f->cancel_fd,
    };
    struct reason why = {0};

    if (session_open(&spec, &f->session, &why) || session_ready(f->session, &why))
        fail_msg("%s", why.text);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->folder, sizeof(f->folder), "/tmp/slipway-test-session-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->steps, sizeof(f->steps), "%s-steps", f->folder);
    assert_int_equal(io_mkdir(f->steps, 0700), 0);
    f->output = BUF_INIT(1 << 20);
    f->cancel_fd = eventfd(0, EFD_CLOEXEC);
    open_session(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int r;

    session_free(&f->session);
    close(f->cancel_fd);
    buf_free(&f->output);
    r = io_remove_tree(f->folder);
    if (r == 0)
        r = io_remove_tree(f->steps);
    free(f);
    return r;
}

static int run_until(struct fixture *f, const char *text, int64_t ms, int *ret_status)
{
    const struct session_output output = {output_bytes, output_due, output_flush, f};
    char path[128];

    snprintf(path, sizeof(path), "%s/step", f->steps);
    assert_int_equal(io_write_file_atomic(path, str_of(text), 0600), 0);
    return session_step(f->session, "step", clock_mono_ms() + ms, &output, ret_status);
}

static int run(struct fixture *f, const char *text)
{
    int status = -1;

    assert_int_equal(run_until(f, text, 20000, &status), 0);
    return status;
}

static const char *said(struct fixture *f)
{
    const char *text = f->output.len ? f->output.ptr : "";

    return text;
}

static void variables_and_folder_carry_over(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "X=1; export Y=2; mkdir d; cd d"), 0);
    assert_int_equal(run(f, "echo \"$X $Y $GREETING $(pwd)\"; sh -c 'echo ${X-none} $Y' >&2"), 0);
    assert_string_equal(said(f), "1 2 hello /build/d\nnone 2\n");
}

static void statuses_come_back_and_input_is_empty(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "(exit 7)"), 7);
    assert_int_equal(run(f, "false"), 1);
    assert_int_equal(run(f, "cat"), 0);
    assert_int_equal(run(f, "nonsense-command"), 127);
}

static void a_step_that_exits_ends_the_session(void **state)
{
    struct fixture *f = *state;
    int status = -1;

    assert_int_equal(run_until(f, "echo bye; exit 3", 20000, &status), SESSION_E_ENDED);
    assert_int_equal(status, 3);
    assert_string_equal(said(f), "bye\n");
}

static void the_system_is_read_only_and_others_are_unseen(void **state)
{
    struct fixture *f = *state;

    assert_int_not_equal(run(f, "touch /usr/x 2>/dev/null"), 0);
    assert_int_not_equal(run(f, "touch /build/steps/x 2>/dev/null"), 0);
    assert_int_equal(run(f, "touch /build/x && touch /tmp/x"), 0);
    assert_int_equal(run(f, "test ! -e /home && test \"$(ls /tmp)\" = x"), 0);
    assert_int_equal(run(f, "test $(ls /proc | grep -c '^[0-9]') -lt 10"), 0);
    assert_int_equal(run(f, "test ! -e /dev/fd/3 && test ! -e /dev/fd/4"), 0);
}

static void memory_is_limited(void **state)
{
    struct fixture *f = *state;

    assert_int_not_equal(run(f, "head -c 200000000 /dev/zero | tail -c 200000000 >/dev/null"), 0);
}

static void a_deadline_kills_everything(void **state)
{
    struct fixture *f = *state;
    int status;
    int64_t start = clock_mono_ms();

    assert_int_equal(run_until(f, "echo waiting; sleep 1000 & sleep 1000", 300, &status), SESSION_E_TIMEOUT);
    assert_true(clock_mono_ms() - start < 10000);
    assert_string_equal(said(f), "waiting\n");
}

static void cancelling_kills_everything(void **state)
{
    struct fixture *f = *state;
    const uint64_t one = 1;
    int status;

    assert_int_equal(write(f->cancel_fd, &one, sizeof(one)), sizeof(one));
    assert_int_equal(run_until(f, "sleep 1000", 20000, &status), SESSION_E_CANCELLED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(variables_and_folder_carry_over),
        TEST(statuses_come_back_and_input_is_empty),
        TEST(a_step_that_exits_ends_the_session),
        TEST(the_system_is_read_only_and_others_are_unseen),
        TEST(memory_is_limited),
        TEST(a_deadline_kills_everything),
        TEST(cancelling_kills_everything),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
