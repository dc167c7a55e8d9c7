/* Build steps in one shell: behind copied walls, behind walls of its own, and without any, from a seed. */
#include "base/clock.h"
#include "base/io.h"
#include "base/buf.h"
#include "workers/anchor/session.h"
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <cmocka.h>

struct fixture {
    char work[64];
    char folder[80];
    struct sandbox *sandbox;
    bool copied;
    struct seed *seed;
    const char *inside; /* the folder, as the shell sees it */
    struct buf output;
    struct session *session;
    int cancel_fd;
    const char *shell; /* NULL: sh */
};

/* What a shell makes something of where it is not quoted. */
#define TRICKY "it's $(exit 3) `exit 3` \"$HOME\" \\ \n  line two*  '"
#define QUOTED "QUOTED=" TRICKY

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

static const char *const started_with[] = {"PATH=/usr/bin:/bin", NULL};

static void open_session(struct fixture *f)
{
    static const char *const told[] = {"GREETING=hello", QUOTED, "EMPTY=", NULL};
    const struct session_spec spec = {
        .folder = f->folder,
        .cwd = f->inside,
        .shell = f->shell ? f->shell : "sh",
        .envp = started_with,
        .sandbox = f->sandbox,
        .seed = f->shell ? NULL : f->seed,
    };
    const struct session_entry entry = {
        .envp = told,
        .memory_kib = 64 << 10,
        .cpu_s = 60,
        .cancel_fd = f->cancel_fd,
    };
    struct reason why = {0};

    if (session_open(&spec, &f->session, &why) || session_enter(f->session, &entry))
        fail_msg("%s", why.text);
}

static struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->work, sizeof(f->work), "/tmp/slipway-test-session-XXXXXX");
    assert_non_null(mkdtemp(f->work));
    snprintf(f->folder, sizeof(f->folder), "%s/build", f->work);
    assert_int_equal(io_mkdir(f->folder, 0700), 0);
    f->output = BUF_INIT(1 << 20);
    f->cancel_fd = eventfd(0, EFD_CLOEXEC);
    return f;
}

static int set_up_in(void **state, bool copied)
{
    struct fixture *f = fixture_new();
    struct reason why = {0};

    assert_int_equal(sandbox_new(copied ? f->work : NULL, &f->sandbox, &why), 0);
    if (why.text[0])
        fail_msg("%s", why.text);
    f->copied = copied;
    f->inside = SANDBOX_FOLDER;
    open_session(f);
    *state = f;
    return 0;
}

static int set_up_copied(void **state)
{
    return set_up_in(state, true);
}

static int set_up_built(void **state)
{
    return set_up_in(state, false);
}

static int set_up_seeded(void **state)
{
    struct fixture *f = fixture_new();

    assert_int_equal(session_seed(started_with, &f->seed), 0);
    f->inside = f->folder;
    open_session(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int r;

    session_free(&f->session);
    sandbox_free(&f->sandbox);
    seed_free(&f->seed);
    close(f->cancel_fd);
    buf_free(&f->output);
    r = io_remove_tree(f->work);
    free(f);
    return r;
}

static int run_until(struct fixture *f, const char *text, int64_t ms, int *ret_status)
{
    const struct session_output output = {output_bytes, output_due, output_flush, f};

    struct reason why = {0};
    int r = session_step(f->session, str_of(text), clock_mono_ms() + ms, &output, ret_status, &why);

    if (r == SESSION_E_START)
        fail_msg("%s", why.text);
    return r;
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
    char expected[128];

    assert_int_equal(run(f, "X=1; export Y=2; mkdir d; cd d"), 0);
    assert_int_equal(run(f, "echo \"$X $Y $GREETING $(pwd)\"; sh -c 'echo ${X-none} $Y' >&2"), 0);
    snprintf(expected, sizeof(expected), "1 2 hello %s/d\nnone 2\n", f->inside);
    assert_string_equal(said(f), expected);
}

static void what_is_told_arrives_as_it_is(void **state)
{
    struct fixture *f = *state;
    static const char *const shells[] = {"sh", "bash"};

    for (size_t i = 0; i < ARRAY_LEN(shells); i++) {
        session_free(&f->session);
        f->shell = shells[i];
        open_session(f);
        buf_reset(&f->output);
        assert_int_equal(run(f, "printenv QUOTED; printenv EMPTY; ulimit -t; ulimit -c"), 0);
        assert_string_equal(said(f), TRICKY "\n\n60\n0\n");
    }
}

static void more_than_a_pipe_holds_is_told(void **state)
{
    struct fixture *f = *state;
    enum { BYTES = 200000 };
    char *variable = calloc(1, sizeof("LONG=") + BYTES);
    const char *const told[] = {variable, NULL};
    const struct session_entry entry = {
        .envp = told, .memory_kib = 64 << 10, .cpu_s = 60, .cancel_fd = f->cancel_fd};
    const struct session_spec spec = {f->folder, f->inside, "sh", started_with, f->sandbox, f->seed};
    struct reason why = {0};

    memcpy(variable, "LONG=", 5);
    memset(variable + 5, 'x', BYTES);
    session_free(&f->session);
    assert_int_equal(session_open(&spec, &f->session, &why), 0);
    assert_int_equal(session_enter(f->session, &entry), 0);
    assert_int_equal(run(f, "echo ${#LONG}"), 0);
    assert_string_equal(said(f), "200000\n");
    free(variable);
}

static void a_shell_is_not_told_what_it_would_act_upon(void **state UNUSED)
{
    static const char *const refused[] = {
        "IFS=x",    "PWD=/",   "a.b=1",           "1A=1",  "=1",   "BASH_ENV=/x",
        "OPTIND=0", "nothing", "slipway_steps=/", "A B=1", "UID=0"};

    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const char *const envp[] = {"GOOD=1", refused[i], NULL};

        assert_false(session_can_tell(envp));
    }
    const char *const good[] = {"GOOD=1", "_a=", "a1==", "Path_2=x", NULL};

    assert_true(session_can_tell(good));
}

static void statuses_come_back_and_input_is_empty(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "(exit 7)"), 7);
    assert_int_equal(run(f, "false"), 1);
    assert_int_equal(run(f, "cat"), 0);
    assert_int_equal(run(f, "nonsense-command"), 127);
}

static void a_shell_that_does_not_start_is_told(void **state)
{
    struct fixture *f = *state;
    const struct session_spec spec = {f->folder, "/nowhere", "sh", started_with, f->sandbox, f->seed};
    const struct session_entry entry = {
        .envp = (const char *const[]){NULL}, .memory_kib = 64 << 10, .cpu_s = 60, .cancel_fd = f->cancel_fd};
    const struct session_output output = {output_bytes, output_due, output_flush, f};
    struct reason why = {0};
    int status = -1, r;

    session_free(&f->session);
    r = session_open(&spec, &f->session, &why);
    if (r < 0) /* told at once, where the folder is looked at by this process's own call */
        return;
    assert_int_equal(r, 0);
    r = session_enter(f->session, &entry);
    assert_true(r == 0 || r == SESSION_E_ENDED);
    assert_int_equal(session_step(f->session, STR("true"), clock_mono_ms() + 20000, &output, &status, &why),
                     SESSION_E_START);
    assert_non_null(strstr(why.text, "did not start"));
}

static void quotes_and_lines_are_as_they_are(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "echo 'a  b' \"c'd\" \\' # 'it is a comment"), 0);
    assert_int_equal(run(f, "cat <<'END'\n'$X' \\\nEND"), 0);
    assert_int_equal(run(f, "if true\nthen\n  echo yes\nfi; false"), 1);
    assert_int_equal(run(f, ""), 0);
    assert_int_equal(run(f, "echo last \\"), 0);
    assert_string_equal(said(f), "a  b c'd '\n'$X' \\\nyes\nlast\n");
}

/* A step neither speaks for the shell nor keeps it from speaking. */
static void a_step_has_descriptors_to_itself(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "exec 3>three 4>four 9>nine; echo 3 >&3; echo 4 >&4; echo 9 >&9"), 0);
    assert_int_equal(run(f, "{ echo 5 >&3; } 2>/dev/null; cat three four nine"), 0);
    assert_string_equal(said(f), "3\n4\n9\n");
    assert_int_equal(run(f, "sleep 1000 & break 2>/dev/null; continue 2>/dev/null; (exit 4)"), 4);
    assert_int_equal(run(f, "kill $!; exec >file; echo out; exec >&2"), 0);
    buf_reset(&f->output);
    assert_int_equal(run(f, "cat file; echo $#"), 0);
    assert_string_equal(said(f), "out\n0\n");
}

static void a_step_that_is_not_whole_ends_or_fails(void **state)
{
    static const char *const broken[] = {"echo \"a", "if true; then", "echo $(", "cat <<END\n",
                                         "}",        "echo ${a"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(broken); i++) {
        int status = 0, r = run_until(f, broken[i], 20000, &status);

        assert_true(r == 0 || r == SESSION_E_ENDED);
        assert_true(status != 0 || strncmp(broken[i], "cat", 3) == 0); /* a warning to shells */
        if (r == 0)
            continue;
        session_free(&f->session);
        open_session(f);
    }
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
    assert_int_equal(run(f, "touch /build/x && touch /tmp/x"), 0);
    assert_int_equal(run(f, "test ! -e /home && test \"$(ls /tmp)\" = x"), 0);
    assert_int_equal(run(f, "test $(ls /proc | grep -c '^[0-9]') -lt 10"), 0);
    assert_int_equal(run(f, "for fd in 3 4 5 6; do test ! -e /dev/fd/$fd || exit 1; done"), 0);
    assert_int_equal(run(f, "test ! -e /.work && test ! -e /.root"), 0);
}

/* Its user may be the one that owns the machine's settings. */
static void the_machine_cannot_be_set(void **state)
{
    struct fixture *f = *state;

    assert_int_not_equal(run(f, "echo 60 2>/dev/null >/proc/sys/vm/swappiness"), 0);
    assert_int_equal(run(f, "test \"$(hostname)\" = build && ! hostname other 2>/dev/null"), 0);
    assert_int_not_equal(run(f, "mount -t tmpfs none /mnt 2>/dev/null || umount /proc 2>/dev/null"), 0);
    assert_int_equal(run(f, "grep -c '^Cap...:.0000000000000000$' /proc/self/status"), 0);
    assert_string_equal(said(f), "5\n");
    buf_reset(&f->output);
    assert_int_equal(run(f, "grep NoNewPrivs /proc/self/status"), 0);
    assert_string_equal(said(f), "NoNewPrivs:\t1\n");
}

/* Who runs a step and owns what it writes is who runs the anchor. */
static void the_user_is_the_same(void **state)
{
    struct fixture *f = *state;
    char id[32];

    snprintf(id, sizeof(id), "%d %d\n", (int)getuid(), (int)getgid());
    assert_int_equal(run(f, "echo \"$(id -u) $(id -g)\""), 0);
    assert_string_equal(said(f), id);
}

/* Behind copied walls a shell is the first process itself; bubblewrap has one of its own before it. */
static void walls_are_copied_where_they_can_be(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(run(f, "test $$ = 1"), f->copied ? 0 : 1);
}

/* Two at once behind walls of one making. */
static void nothing_of_one_build_is_seen_in_another(void **state)
{
    struct fixture *f = *state;
    struct session *other;
    char *namespaces;

    assert_int_equal(run(f, "cd /proc/self/ns && readlink cgroup ipc mnt pid user uts; cd /build"), 0);
    namespaces = str_dup(buf_str(&f->output));
    assert_int_equal(run(f, "touch /tmp/a /var/tmp/a /dev/shm/a 2>&1"), 0);
    assert_int_equal(run(f, "mkdir /a 2>&1"), 0);
    assert_int_equal(run(f, "ipcmk -M 1 2>&1 >/dev/null"), 0);
    (void)run(f, "touch /dev/a 2>/dev/null");
    assert_int_equal(run(f, "script -qc 'sleep 1000' /dev/null >/dev/null & sleep 0.2; test -e /dev/pts/0"),
                     0);
    other = take(f->session);
    open_session(f);
    buf_reset(&f->output);
    (void)run(f, "ls -A /tmp /var/tmp /dev/shm; ls -d /a /dev/a /dev/pts/0 2>/dev/null; ipcs -m | grep 0x; "
                 "ls /proc | grep -c '^[0-9]' | grep -v '^[1-5]$'");
    assert_string_equal(said(f), "/dev/shm:\n\n/tmp:\n\n/var/tmp:\n");
    buf_reset(&f->output);
    assert_int_equal(run(f, "cd /proc/self/ns && readlink cgroup ipc mnt pid user uts"), 0);
    for (struct str left = str_of(namespaces); left.len > 0;) {
        struct str line = str_split(&left, '\n');

        assert_null(memmem(f->output.ptr, f->output.len, line.ptr, line.len));
    }
    free(namespaces);
    session_free(&other);
}

static void memory_is_limited(void **state)
{
    struct fixture *f = *state;

    assert_int_not_equal(run(f, "head -c 200000000 /dev/zero | tail -c 200000000 >/dev/null"), 0);
}

static void await_file(const struct fixture *f, const char *name)
{
    int64_t deadline_ms = clock_mono_ms() + 20000;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    while (access(path, F_OK)) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, 1);
    }
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

/* Its shell is stopped, and does not read; one behind copied walls cannot be. */
static void a_long_step_has_a_deadline_too(void **state)
{
    enum { BYTES = 300000 };
    struct fixture *f = *state;
    char *text = malloc(BYTES + 1);
    int64_t start;
    int status;

    memset(text, ' ', BYTES);
    text[BYTES] = '\0';
    assert_int_equal(run(f, "(sleep 0.3; kill -STOP $$; touch stopped) & true"), 0);
    await_file(f, "stopped");
    start = clock_mono_ms();
    assert_int_equal(run_until(f, text, 300, &status), SESSION_E_TIMEOUT);
    assert_true(clock_mono_ms() - start < 10000);
    free(text);
}

static void cancelling_kills_everything(void **state)
{
    struct fixture *f = *state;
    const uint64_t one = 1;
    int status;

    assert_int_equal(write(f->cancel_fd, &one, sizeof(one)), sizeof(one));
    assert_int_equal(run_until(f, "sleep 1000", 20000, &status), SESSION_E_CANCELLED);
}

#define WALLED(name)                                                                                         \
    {#name ", copied", name, set_up_copied, tear_down, NULL},                                                \
    {                                                                                                        \
#name ", built", name, set_up_built, tear_down, NULL                                                 \
    }
#define TEST(name)                                                                                           \
    WALLED(name),                                                                                            \
    {                                                                                                        \
#name ", from a seed", name, set_up_seeded, tear_down, NULL                                          \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(variables_and_folder_carry_over),
        TEST(what_is_told_arrives_as_it_is),
        TEST(more_than_a_pipe_holds_is_told),
        cmocka_unit_test(a_shell_is_not_told_what_it_would_act_upon),
        TEST(statuses_come_back_and_input_is_empty),
        TEST(a_shell_that_does_not_start_is_told),
        TEST(quotes_and_lines_are_as_they_are),
        TEST(a_step_has_descriptors_to_itself),
        TEST(a_step_that_is_not_whole_ends_or_fails),
        TEST(a_step_that_exits_ends_the_session),
        WALLED(the_system_is_read_only_and_others_are_unseen),
        WALLED(the_machine_cannot_be_set),
        TEST(the_user_is_the_same),
        WALLED(walls_are_copied_where_they_can_be),
        WALLED(nothing_of_one_build_is_seen_in_another),
        TEST(memory_is_limited),
        TEST(a_deadline_kills_everything),
        cmocka_unit_test_setup_teardown(a_long_step_has_a_deadline_too, set_up_seeded, tear_down),
        TEST(cancelling_kills_everything),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
