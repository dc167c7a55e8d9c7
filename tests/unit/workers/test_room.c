/* Builds' rooms: made before they are needed, used once, removed behind their builds. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "workers/anchor/room.h"
#include <dirent.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define WAIT_MS 20000
#define SPARE_MOST 64 /* folders that wait to be used again */

struct fixture {
    char work[64];
    struct rooms *rooms;
    int gate; /* where the keeper that stands is told to go on, also by its end */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->work, sizeof(f->work), "/tmp/slipway-test-room-XXXXXX");
    assert_non_null(mkdtemp(f->work));
    assert_int_equal(rooms_new(f->work, NULL, &f->rooms), 0);
    f->gate = -1;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int r;

    close_fd(&f->gate);
    rooms_free(&f->rooms);
    r = rmdir(f->work); /* nothing is left in it */
    free(f);
    return r;
}

static size_t folders_in(const char *path)
{
    DIR *folder = opendir(path);
    size_t count = 0;
    const struct dirent *entry;

    while (folder && (entry = readdir(folder))) {
        char below[320];

        snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (str_starts(str_of(entry->d_name), STR("wing-")))
            count += folders_in(below);
        else
            count += entry->d_name[0] != '.';
    }
    if (folder)
        closedir(folder);
    return count;
}

/* Of rooms. */
static size_t folders(const struct fixture *f)
{
    return folders_in(f->work);
}

/* Another thread makes and removes them. */
static void await_folders(const struct fixture *f, size_t count)
{
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;

    while (folders(f) != count) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, 1);
    }
}

/* Some stay, empty, to be used again. */
static void await_at_most(const struct fixture *f, size_t count)
{
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;

    while (folders(f) > count) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, 1);
    }
}

static void await_gone(const char *path)
{
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;

    while (access(path, F_OK) == 0) {
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, 1);
    }
}

static void said(void *ctx UNUSED, const char *bytes UNUSED, size_t len UNUSED)
{
}

static int64_t never(void *ctx UNUSED)
{
    return INT64_MAX;
}

static void nothing(void *ctx UNUSED)
{
}

static void enter(struct room *room)
{
    static const char *const told[] = {"A=b", NULL};
    const struct session_entry entry = {.envp = told, .memory_kib = 1 << 20, .cpu_s = 60, .cancel_fd = -1};
    const struct session_output output = {said, never, nothing, NULL};
    struct reason why = {0};
    int status = -1;

    assert_non_null(room->session);
    assert_int_equal(session_enter(room->session, &entry), 0);
    assert_int_equal(
        session_step(room->session, STR("test $A = b"), clock_mono_ms() + WAIT_MS, &output, &status, &why),
        0);
    assert_int_equal(status, 0);
}

static void none_is_made_before_the_first_build(void **state)
{
    assert_int_equal(folders(*state), 0);
}

static void a_room_has_a_shell_and_is_its_builds_alone(void **state)
{
    struct fixture *f = *state;
    struct room *a = NULL, *b = NULL;

    assert_int_equal(rooms_take(f->rooms, &a), 0);
    assert_int_equal(rooms_take(f->rooms, &b), 0);
    assert_string_not_equal(a->plot.folder, b->plot.folder);
    enter(a);
    enter(b);
    rooms_give(f->rooms, &a);
    rooms_give(f->rooms, &b);
    assert_null(a);
}

static void after_a_build_two_are_ready_and_its_own_is_gone(void **state)
{
    struct fixture *f = *state;
    struct room *room = NULL;
    char path[128];

    assert_int_equal(rooms_take(f->rooms, &room), 0);
    snprintf(path, sizeof(path), "%s", room->plot.folder);
    rooms_give(f->rooms, &room);
    await_gone(path);
    await_folders(f, 2);
    assert_int_equal(rooms_take(f->rooms, &room), 0);
    enter(room);
    rooms_give(f->rooms, &room);
}

static void others_are_made_during_a_long_build(void **state)
{
    struct fixture *f = *state;
    struct room *room = NULL;

    assert_int_equal(rooms_take(f->rooms, &room), 0);
    await_folders(f, 3);
    rooms_give(f->rooms, &room);
}

static void what_a_build_left_is_not_there_for_another(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 10; i++) {
        struct room *room = NULL;
        char file[128];

        assert_int_equal(rooms_take(f->rooms, &room), 0);
        snprintf(file, sizeof(file), "%s/left", room->plot.source);
        assert_int_equal(mkdir(file, 0700), 0); /* it was not there */
        rooms_give(f->rooms, &room);
        if (i % 2)
            await_gone(file);
    }
}

/* Tidying up waits for builds that are under way, but neither for long nor for many. */
static void those_left_go_though_a_build_is_under_way(void **state)
{
    enum { MANY = 70, KEPT = 1, READY = 2 };
    struct fixture *f = *state;
    struct room *kept = NULL, *rooms[MANY] = {NULL};
    char path[128];

    assert_int_equal(rooms_take(f->rooms, &kept), 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(rooms_take(f->rooms, &rooms[i]), 0);
    snprintf(path, sizeof(path), "%s", rooms[0]->plot.folder);
    rooms_give(f->rooms, &rooms[0]);
    await_gone(path);
    for (int i = 1; i < MANY; i++)
        rooms_give(f->rooms, &rooms[i]);
    await_at_most(f, KEPT + READY + SPARE_MOST);
    rooms_give(f->rooms, &kept);
}

/* ---- a keeper that cannot keep up */

static int keeper_gate;

static void keeper_stand(int number UNUSED)
{
    char go;

    while (read(keeper_gate, &go, 1) < 0 && errno == EINTR)
        ;
}

/* The thread that was made last. */
static pid_t keeper_tid(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;
    long found = 0;

    while (tasks && (entry = readdir(tasks)))
        if (strtol(entry->d_name, NULL, 10) > 0 && strtol(entry->d_name, NULL, 10) != getpid())
            found = strtol(entry->d_name, NULL, 10);
    closedir(tasks);
    return (pid_t)found;
}

/* Until a thread waits in that system call (proc(5), /proc/PID/syscall). */
static void await_call(pid_t tid, long number)
{
    int64_t deadline_ms = clock_mono_ms() + WAIT_MS;
    char path[64];

    snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", (int)tid);
    for (;;) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(4096);
        int64_t found = -1;
        struct str rest;

        assert_int_equal(io_read_file(path, &text), 0);
        rest = buf_str(&text);
        if (str_to_int(str_split(&rest, ' '), 0, INT32_MAX, &found) && found == number)
            return;
        assert_true(clock_mono_ms() < deadline_ms);
        (void)poll(NULL, 0, 1);
    }
}

/* Processes that any of this process's threads has for a child. */
static size_t children(void)
{
    DIR *tasks = opendir("/proc/self/task");
    const struct dirent *entry;
    size_t count = 0;

    while (tasks && (entry = readdir(tasks))) {
        CLEANUP(buf_free) struct buf text = BUF_INIT(1 << 16);
        char path[320];

        snprintf(path, sizeof(path), "/proc/self/task/%s/children", entry->d_name);
        if (entry->d_name[0] != '.' && io_read_file(path, &text) == 0)
            for (size_t i = 0; i < text.len; i++)
                count += text.ptr[i] == ' ';
    }
    closedir(tasks);
    return count;
}

static void what_is_left_has_a_limit_and_no_shell(void **state)
{
    enum { MANY = 400, MOST = 256, SEED = 1 };
    struct fixture *f = *state;
    const struct sigaction stand = {.sa_handler = keeper_stand};
    pid_t keeper = keeper_tid();
    int gate[2];

    assert_int_equal(pipe(gate), 0);
    keeper_gate = gate[0];
    f->gate = gate[1];
    assert_int_equal(sigaction(SIGUSR1, &stand, NULL), 0);
    await_call(keeper, SYS_futex); /* it waits, without the lock */
    assert_int_equal(tgkill(getpid(), keeper, SIGUSR1), 0);
    await_call(keeper, SYS_read);
    for (int i = 0; i < MANY; i++) {
        struct room *room = NULL;

        assert_int_equal(rooms_take(f->rooms, &room), 0);
        rooms_give(f->rooms, &room);
        assert_in_range(children(), 0, SEED);
    }
    assert_int_equal(folders(f), MOST);
    close_fd(&f->gate);
    await_at_most(f, 2 + SPARE_MOST); /* with those that are ready */
    close(gate[0]);
}

/* ---- folders that are used again */

/* Leaves as many rooms as the keeper looks behind at once, with a file in each and one that `stays` there. */
static void many_leave(struct fixture *f, ino_t *ret, size_t count, pid_t *stays)
{
    struct room *rooms[SPARE_MOST] = {NULL};
    char first[128];

    for (size_t i = 0; i < count; i++) {
        struct stat st;
        char file[128];

        assert_int_equal(rooms_take(f->rooms, &rooms[i]), 0);
        assert_int_equal(stat(rooms[i]->plot.source, &st), 0);
        ret[i] = st.st_ino;
        snprintf(file, sizeof(file), "%s/left", rooms[i]->plot.source);
        assert_int_equal(mkdir(file, 0700), 0); /* it was not there */
    }
    snprintf(first, sizeof(first), "%s", rooms[0]->plot.source);
    if (stays && (*stays = fork()) == 0)
        _exit(chdir(first) || pause());
    if (stays) /* until it is there */
        for (;;) {
            char link[64], at[128] = "";

            snprintf(link, sizeof(link), "/proc/%d/cwd", (int)*stays);
            assert_true(readlink(link, at, sizeof(at) - 1) > 0);
            if (strcmp(at, first) == 0)
                break;
        }
    for (size_t i = 0; i < count; i++)
        rooms_give(f->rooms, &rooms[i]);
    await_gone(first);
}

static size_t had_before(const ino_t *before, const ino_t *now, size_t count)
{
    size_t found = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++)
            found += now[i] == before[j];
    return found;
}

static void folders_of_builds_that_ended_together_are_used_again(void **state)
{
    enum { COUNT = 40 };
    struct fixture *f = *state;
    ino_t before[COUNT], now[COUNT];

    many_leave(f, before, COUNT, NULL);
    many_leave(f, now, COUNT, NULL);
    assert_true(had_before(before, now, COUNT) > 0);
}

static void where_a_process_stayed_no_other_build_comes(void **state)
{
    enum { COUNT = 40 };
    struct fixture *f = *state;
    ino_t before[COUNT], now[COUNT];
    pid_t stays = 0;

    many_leave(f, before, COUNT, &stays);
    for (int i = 0; i < 5; i++) {
        many_leave(f, now, COUNT, NULL);
        assert_int_equal(had_before(before, now, 1), 0);
    }
    kill(stays, SIGKILL);
    waitpid(stays, NULL, 0);
}

/* ---- a sandbox's */

struct walled {
    char work[64];
    struct sandbox *sandbox;
    struct rooms *rooms;
};

static int set_up_walled(void **state)
{
    struct walled *w = calloc(1, sizeof(*w));
    struct reason why = {0};

    snprintf(w->work, sizeof(w->work), "/tmp/slipway-test-room-XXXXXX");
    assert_non_null(mkdtemp(w->work));
    assert_int_equal(sandbox_new(w->work, &w->sandbox, &why), 0);
    assert_string_equal(why.text, "");
    assert_int_equal(rooms_new(w->work, w->sandbox, &w->rooms), 0);
    *state = w;
    return 0;
}

static int tear_down_walled(void **state)
{
    struct walled *w = *state;
    int r;

    rooms_free(&w->rooms);
    sandbox_free(&w->sandbox);
    r = rmdir(w->work);
    free(w);
    return r;
}

static struct room *take_walled(struct walled *w)
{
    static const char *const told[] = {NULL};
    const struct session_entry entry = {.envp = told, .memory_kib = 1 << 20, .cpu_s = 60, .cancel_fd = -1};
    struct room *room = NULL;

    assert_int_equal(rooms_take(w->rooms, &room), 0);
    assert_non_null(room->session);
    assert_int_equal(session_enter(room->session, &entry), 0);
    return room;
}

/* Its exit status. */
static int tell(struct room *room, const char *script)
{
    const struct session_output output = {said, never, nothing, NULL};
    struct reason why = {0};
    int status = -1;

    assert_int_equal(
        session_step(room->session, str_of(script), clock_mono_ms() + WAIT_MS, &output, &status, &why), 0);
    return status;
}

/* Takes a descriptor of a folder from another build, and tells whoever asks whether there is what a third one
 * has there. */
static const char spy[] =
    "cat >spy.py <<'END'\n"
    "import os, socket\n"
    "s = socket.socket(socket.AF_UNIX); s.bind('\\0slipway-test-room'); s.listen(2)\n"
    "open('up', 'w').close(); folder = None\n"
    "while True:\n"
    "    c, _ = s.accept(); given = socket.recv_fds(c, 10, 1)[1]; folder = given[0] if given else folder\n"
    "    try: found = folder is not None and os.open('src/secret', os.O_RDONLY, dir_fd=folder)\n"
    "    except OSError: found = False\n"
    "    c.send(b'nothing' if found is False else b'secret')\n"
    "END\n"
    "mkfifo up\n"
    "python3 spy.py >/dev/null 2>&1 &\n"
    "cat up\n";
static const char accomplice[] = "cat >give.py <<'END'\n"
                                 "import os, socket\n"
                                 "s = socket.socket(socket.AF_UNIX); s.connect('\\0slipway-test-room')\n"
                                 "at = '..' if os.path.basename(os.getcwd()) == 'src' else '.'\n"
                                 "socket.send_fds(s, [b'x'], [os.open(at, os.O_RDONLY)]); s.recv(9)\n"
                                 "END\n"
                                 "python3 give.py\n";
static const char asking[] =
    "cat >ask.py <<'END'\n"
    "import socket\n"
    "s = socket.socket(socket.AF_UNIX); s.connect('\\0slipway-test-room'); s.send(b'?')\n"
    "exit(s.recv(9) != b'nothing')\n"
    "END\n"
    "python3 ask.py\n";

static void a_folder_that_another_build_was_given_is_no_third_ones(void **state)
{
    enum { THIRD = 6 };
    struct walled *w = *state;
    struct room *watcher = take_walled(w), *giver = take_walled(w), *third[THIRD];
    char folder[128];

    assert_int_equal(tell(watcher, spy), 0);
    (void)tell(giver, accomplice); /* not where the kernel parts them */
    snprintf(folder, sizeof(folder), "%s", giver->plot.folder);
    rooms_give(w->rooms, &giver);
    await_gone(folder);
    for (int i = 0; i < THIRD; i++) {
        third[i] = take_walled(w);
        assert_int_equal(tell(third[i], "echo x >" SANDBOX_FOLDER "/src/secret"), 0);
    }
    assert_int_equal(tell(watcher, asking), 0);
    for (int i = 0; i < THIRD; i++)
        rooms_give(w->rooms, &third[i]);
    rooms_give(w->rooms, &watcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(none_is_made_before_the_first_build, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_room_has_a_shell_and_is_its_builds_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(after_a_build_two_are_ready_and_its_own_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_are_made_during_a_long_build, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_left_go_though_a_build_is_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_build_left_is_not_there_for_another, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_has_a_limit_and_no_shell, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folders_of_builds_that_ended_together_are_used_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(where_a_process_stayed_no_other_build_comes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_another_build_was_given_is_no_third_ones, set_up_walled,
                                        tear_down_walled),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
