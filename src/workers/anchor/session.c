/* See session.h. The shell reads what it does from a pipe, as a script: first the entry, then a line or more
 * for each step, which it takes whole, and then one that says the exit status. The steps themselves see
 * neither the script, which the shell keeps to itself, nor where statuses go: their input is empty, their
 * output and errors go to the log. */
#include "workers/anchor/session.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000
#define STATUS_BYTES 2048
#define END_MS 2000
#define FITS_BYTES 16384 /* the script's pipe takes as much and an entry at once */
#define TEXT_MAX_BYTES (16 << 20)
#define SH "/bin/sh"
#define NAME "slipway-build" /* for who looks at processes */

#define SCRIPT "/dev/fd/0"
#define ENTRY_HEAD "exec 3>&2 2>&1 </dev/null; shift\n" /* statuses go to 3 */
#define STEP_HEAD "eval '"
#define STEP_TAIL "\n' 3>&-\n"
#define STATUS "printf '%s\\n' \"$?\" >&3\n"

struct session {
    pid_t pid;
    int script;
    int status_out; /* exit statuses */
    int output;
    int cancel_fd;
    char status[STATUS_BYTES]; /* what came on status_out and was not used yet */
    size_t status_len;
    bool ready; /* it was entered */
    bool ended; /* the shell is gone and waited for */
    int exit_status;
};

enum stream { STREAM_STATUS, STREAM_OUTPUT, STREAM_CANCEL, STREAMS };

static int pipe_make(int ret[2])
{
    return pipe2(ret, O_CLOEXEC) ? FAULT(errno) : 0;
}

int session_seed(const char *const *envp, struct seed **ret)
{
    static const char *const command[] = {SH, SCRIPT, NAME, NULL};

    return seed_new(command, envp, ret);
}

enum channel { CHANNEL_SCRIPT, CHANNEL_OUTPUT, CHANNEL_STATUS, CHANNELS };

static int spawn(const struct session_spec *spec, int pipes[CHANNELS][2], pid_t *ret_pid)
{
    const char *shell = strcmp(spec->shell, "bash") == 0 ? "/bin/bash" : SH;
    const char *const command[] = {shell, SCRIPT, NAME, NULL};
    const int fds[SEED_FDS] = {pipes[CHANNEL_SCRIPT][0], pipes[CHANNEL_OUTPUT][1], pipes[CHANNEL_STATUS][1]};
    struct sandbox_spec sandbox = {
        .folder = spec->folder,
        .cwd = spec->cwd,
        .command = command,
        .envp = spec->envp,
        .stdin_fd = fds[0],
        .stdout_fd = fds[1],
        .stderr_fd = fds[2],
    };

    assert(!spec->seed || (!spec->sandbox && strcmp(spec->shell, "sh") == 0));
    if (spec->seed && seed_spawn(spec->seed, spec->cwd, fds, ret_pid) == 0)
        return 0;
    return sandbox_spawn(spec->sandbox, &sandbox, ret_pid);
}

static void reap(struct session *session, int64_t timeout_ms)
{
    int status = 0;

    if (session->ended)
        return;
    if (proc_wait(session->pid, timeout_ms, &status) != 0) {
        proc_kill_group(session->pid, SIGKILL);
        if (proc_wait(session->pid, -1, &status) != 0)
            status = 0;
    }
    session->ended = true;
    session->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void kill_all(struct session *session)
{
    if (session->ended)
        return;
    proc_kill_group(session->pid, SIGKILL);
    reap(session, -1);
}

/* Takes one line off what came on the status stream; false when none is whole yet. */
static bool status_line(struct session *session, char *ret, size_t size)
{
    char *end = memchr(session->status, '\n', session->status_len);
    size_t len;

    if (!end)
        return false;
    len = (size_t)(end - session->status);
    snprintf(ret, size, "%.*s", (int)len, session->status);
    session->status_len -= len + 1;
    memmove(session->status, end + 1, session->status_len);
    return true;
}

/* False at the stream's end. */
static bool status_read(struct session *session)
{
    size_t room = sizeof(session->status) - session->status_len;
    ssize_t got;

    if (room == 0) { /* only a step that meddles with the stream gets here: its noise is dropped */
        session->status_len = 0;
        room = sizeof(session->status);
    }
    got = io_read(session->status_out, session->status + session->status_len, room);
    if (got <= 0)
        return false;
    session->status_len += (size_t)got;
    return true;
}

static bool output_read(struct session *session, const struct session_output *output)
{
    char block[16384];
    ssize_t got = read(session->output, block, sizeof(block));

    if (got <= 0)
        return false;
    output->bytes(output->ctx, block, (size_t)got);
    return true;
}

/* What the step wrote before it ended is in the pipe already. */
static void output_drain(struct session *session, const struct session_output *output)
{
    while (output_read(session, output))
        ;
}

static int timeout_of(int64_t now_ms, int64_t deadline_ms, int64_t due_ms)
{
    int64_t until = deadline_ms < due_ms ? deadline_ms : due_ms;

    if (until <= now_ms)
        return 0;
    return until - now_ms > 60000 ? 60000 : (int)(until - now_ms);
}

/* Waits for a line of the status stream while output flows. 0, SESSION_E_ENDED, _TIMEOUT, _CANCELLED. */
static int line_wait(struct session *session, int64_t deadline_ms, const struct session_output *output,
                     char *ret, size_t size)
{
    struct pollfd fds[STREAMS] = {
        [STREAM_STATUS] = {.fd = session->status_out, .events = POLLIN},
        [STREAM_OUTPUT] = {.fd = output ? session->output : -1, .events = POLLIN},
        [STREAM_CANCEL] = {.fd = session->cancel_fd, .events = POLLIN},
    };

    while (!status_line(session, ret, size)) {
        int64_t now_ms = clock_mono_ms();
        int64_t due_ms = output ? output->due_ms(output->ctx) : INT64_MAX;

        if (now_ms >= deadline_ms)
            return SESSION_E_TIMEOUT;
        if (now_ms >= due_ms)
            output->flush(output->ctx);
        else if (poll(fds, STREAMS, timeout_of(now_ms, deadline_ms, due_ms)) < 0 && errno != EINTR)
            return FAULT(errno);
        if (fds[STREAM_CANCEL].revents)
            return SESSION_E_CANCELLED;
        if (output && fds[STREAM_OUTPUT].revents && !output_read(session, output) && (errno != EAGAIN))
            fds[STREAM_OUTPUT].fd = -1;
        if (fds[STREAM_STATUS].revents && !status_read(session))
            return SESSION_E_ENDED;
    }
    return 0;
}

static int start_failed(struct session *session, struct reason *why)
{
    kill_all(session);
    return reason_set(
        why, SESSION_E_START,
        "the build's sandbox did not start (exit status %d): %.*s. Is bubblewrap installed and may "
        "this user create namespaces (sysctl kernel.unprivileged_userns_clone)?",
        session->exit_status, (int)session->status_len, session->status);
}

/* Waits until it was entered. */
static int ready_wait(struct session *session, struct reason *why)
{
    char line[256];
    int r;

    if (session->ready)
        return 0;
    r = line_wait(session, clock_mono_ms() + START_MS, NULL, line, sizeof(line));

    session->ready = r == 0 && strcmp(line, "0") == 0;
    if (session->ready)
        return 0;
    if (r == 0) { /* bubblewrap's own words */
        reap(session, END_MS);
        return reason_set(why, SESSION_E_START, "the build's sandbox did not start: %s", line);
    }
    if (r < 0 || r == SESSION_E_CANCELLED)
        return r;
    if (r == SESSION_E_ENDED)
        reap(session, END_MS);
    return start_failed(session, why);
}

int session_open(const struct session_spec *spec, struct session **ret, struct reason *why)
{
    CLEANUP(session_free) struct session *session = mem_alloc(sizeof(*session));
    int pipes[CHANNELS][2] = {{-1, -1}, {-1, -1}, {-1, -1}};
    int r;

    if (!session)
        return FAULT(ENOMEM);
    session->ended = true;
    session->cancel_fd = -1;
    r = 0;
    for (int i = 0; r == 0 && i < CHANNELS; i++)
        r = pipe_make(pipes[i]);
    if (r == 0)
        r = spawn(spec, pipes, &session->pid);
    close_fd(&pipes[CHANNEL_SCRIPT][0]);
    close_fd(&pipes[CHANNEL_OUTPUT][1]);
    close_fd(&pipes[CHANNEL_STATUS][1]);
    session->script = pipes[CHANNEL_SCRIPT][1];
    session->output = pipes[CHANNEL_OUTPUT][0];
    session->status_out = pipes[CHANNEL_STATUS][0];
    if (r == -ENOENT)
        return reason_set(why, SESSION_E_START,
                          "there is no '%s' on this machine: install it (apt-get install %s)",
                          spec->sandbox ? "bwrap" : spec->shell, spec->sandbox ? "bubblewrap" : spec->shell);
    if (r)
        return r;
    session->ended = false;
    if (fcntl(session->output, F_SETFL, O_NONBLOCK))
        return FAULT(errno);
    *ret = take(session);
    return 0;
}

/* Until the shell has read some of it. */
static int script_await(const struct session *session, int64_t deadline_ms)
{
    struct pollfd fds[] = {{.fd = session->script, .events = POLLOUT},
                           {.fd = session->status_out}, /* its end alone */
                           {.fd = session->cancel_fd, .events = POLLIN}};
    int64_t now_ms = clock_mono_ms();

    if (now_ms >= deadline_ms)
        return SESSION_E_TIMEOUT;
    if (poll(fds, ARRAY_LEN(fds), timeout_of(now_ms, deadline_ms, INT64_MAX)) < 0 && errno != EINTR)
        return FAULT(errno);
    if (fds[2].revents)
        return SESSION_E_CANCELLED;
    return fds[1].revents & POLLHUP ? SESSION_E_ENDED : 0;
}

/* A shell that does not read does not hold it up. */
static int script_send(struct session *session, const struct buf *text, int64_t deadline_ms)
{
    int r = buf_error(text);

    if (r == 0 && text->len > FITS_BYTES && fcntl(session->script, F_SETFL, O_NONBLOCK))
        r = FAULT(errno);
    for (size_t done = 0; r == 0 && done < text->len;) {
        ssize_t sent = write(session->script, text->ptr + done, text->len - done);

        if (sent >= 0)
            done += (size_t)sent;
        else if (errno == EPIPE)
            r = SESSION_E_ENDED;
        else if (errno == EAGAIN)
            r = script_await(session, deadline_ms);
        else if (errno != EINTR)
            r = FAULT(errno);
    }
    return r;
}

/* What stands between quotes, a quote within as '\''. */
static void quoted_put(struct buf *text, struct str value)
{
    while (value.ptr) {
        buf_put_str(text, str_split(&value, '\''));
        if (value.ptr)
            buf_puts(text, "'\\''");
    }
}

/* ---- the entry */

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* Names that shells set, or act upon, themselves (POSIX.1-2017, 2.5.3; dash(1), bash(1)). */
static bool is_shells_own(struct str name)
{
    static const char *const names[] = {
        "_",
        "CDPATH",
        "ENV",
        "EUID",
        "FCEDIT",
        "FUNCNAME",
        "GLOBIGNORE",
        "GROUPS",
        "HISTCMD",
        "HISTCONTROL",
        "HISTFILE",
        "HISTIGNORE",
        "HISTSIZE",
        "HOSTNAME",
        "IFS",
        "IGNOREEOF",
        "LINENO",
        "MAIL",
        "MAILCHECK",
        "MAILPATH",
        "OLDPWD",
        "OPTARG",
        "OPTERR",
        "OPTIND",
        "PIPESTATUS",
        "PPID",
        "PS0",
        "PS1",
        "PS2",
        "PS4",
        "PWD",
        "RANDOM",
        "SECONDS",
        "SHELL",
        "SHELLOPTS",
        "SHLVL",
        "SRANDOM",
        "TERM",
        "TIMEFORMAT",
        "TMOUT",
        "UID",
        "HISTFILESIZE",
        "DIRSTACK",
        "POSIXLY_CORRECT",
        "EPOCHSECONDS",
        "EPOCHREALTIME",
        "HISTTIMEFORMAT",
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_eqc(name, names[i]))
            return true;
    return str_starts(name, STR("BASH")) || str_starts(name, STR("COMP_")) ||
           str_starts(name, STR("slipway_"));
}

bool session_is_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!is_letter(name.ptr[i]) && (i == 0 || name.ptr[i] < '0' || name.ptr[i] > '9'))
            return false;
    return name.len > 0;
}

bool session_can_tell(const char *const *envp)
{
    for (; *envp; envp++) {
        struct str value = str_of(*envp), name = str_split(&value, '=');

        if (!value.ptr || !session_is_name(name) || is_shells_own(name))
            return false;
    }
    return true;
}

static void assignment_put(struct buf *text, const char *variable)
{
    struct str value = str_of(variable), name = str_split(&value, '=');

    buf_puts(text, "export ");
    buf_put_str(text, name);
    buf_puts(text, "='");
    quoted_put(text, value);
    buf_puts(text, "'\n");
}

int session_enter(struct session *session, const struct session_entry *entry)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(TEXT_MAX_BYTES);

    session->cancel_fd = entry->cancel_fd;
    buf_printf(&text, ENTRY_HEAD "ulimit -c 0 && ulimit -d %lld && ulimit -t %lld || exit 125\n",
               (long long)entry->memory_kib, (long long)entry->cpu_s);
    for (const char *const *variable = entry->envp; *variable; variable++)
        assignment_put(&text, *variable);
    buf_puts(&text, STATUS);
    return script_send(session, &text, clock_mono_ms() + START_MS);
}

/* ---- steps */

int session_step(struct session *session, struct str text, int64_t deadline_mono_ms,
                 const struct session_output *output, int *ret_status, struct reason *why)
{
    char line[32];
    int64_t status = 1;
    CLEANUP(buf_free) struct buf step = BUF_INIT(TEXT_MAX_BYTES);
    int r;

    buf_puts(&step, STEP_HEAD);
    quoted_put(&step, text);
    buf_puts(&step, STEP_TAIL STATUS);
    r = script_send(session, &step, deadline_mono_ms);
    if (!session->ready && (r == 0 || r == SESSION_E_ENDED))
        r = ready_wait(session, why);
    if (r == 0)
        r = line_wait(session, deadline_mono_ms, output, line, sizeof(line));
    if (r == SESSION_E_TIMEOUT || r == SESSION_E_CANCELLED)
        kill_all(session);
    if (r == SESSION_E_ENDED) {
        reap(session, END_MS);
        status = session->exit_status;
    }
    output_drain(session, output);
    if (r == 0 && !str_to_int(str_of(line), 0, 255, &status))
        status = 1;
    *ret_status = (int)status;
    return r;
}

void session_free(struct session **session)
{
    if (!*session)
        return;
    kill_all(*session);
    close_fd(&(*session)->script);
    close_fd(&(*session)->output);
    close_fd(&(*session)->status_out);
    free(*session);
    *session = NULL;
}
