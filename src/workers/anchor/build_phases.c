/* The buildspec's phases: commands one after the other in one shell; `finally` whatever happened; post_build
 * also after a failed build phase, as CodeBuild does. */
#include "base/io.h"
#include "wire/json.h"
#include "workers/anchor/build.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXPORT_MAX_BYTES (1 << 20)
#define EXPORT_FILE "slipway-exported"

/* The failure's words and status; WORK_E_STOPPED ends the build without any. */
static int step_ended(struct build *build, const char *command, int outcome, int status)
{
    if (outcome < 0)
        return outcome;
    if (outcome == SESSION_E_CANCELLED)
        return WORK_E_STOPPED;
    if (outcome == SESSION_E_TIMEOUT) {
        reason_set(&build->why, 0, "the build's time is over; it was in: %.500s", command);
        build_phase_failed(build, "TIMED_OUT", "BUILD_TIMED_OUT");
        return 0;
    }
    if (outcome == SESSION_E_START) {
        build_phase_failed(build, "FAULT", "CLIENT_ERROR");
        return 0;
    }
    reason_set(&build->why, 0, "Error while executing command: %.500s. Reason: exit status %d", command,
               status);
    build_log_say(&build->log, "Command did not exit successfully %.500s exit status %d", command, status);
    build_phase_failed(build, "FAILED", "COMMAND_EXECUTION_ERROR");
    return 0;
}

/* *ret_failed: a command failed, the others were left out. */
static int commands_run(struct build *build, const json_t *commands, bool *ret_failed)
{
    const json_t *command;
    size_t i;

    json_array_foreach (commands, i, command) {
        const char *text = json_string_value(command);
        int status = 0, r;

        build_log_say(&build->log, "Running command %.500s", text);
        r = build_step(build, text, &status);
        if (r == 0 && status == 0)
            continue;
        *ret_failed = true;
        return step_ended(build, text, r, status);
    }
    return 0;
}

static bool is_over(const struct build *build)
{
    return build->status && strcmp(build->status, "FAILED") != 0;
}

static int phase_run(struct build *build, enum buildspec_phase_id id, bool *ret_failed)
{
    const struct buildspec_phase *phase = &build->spec.phases[id];
    bool failed = false;
    int r;

    if (!phase->commands && !phase->finally)
        return build_phase_passed(build, buildspec_phase_shown(id));
    r = build_phase(build, buildspec_phase_shown(id));
    if (r)
        return r;
    build_log_say(&build->log, "Entering phase %s", buildspec_phase_shown(id));
    r = commands_run(build, phase->commands, &failed);
    if (r == 0 && !is_over(build))
        r = commands_run(build, phase->finally, &failed);
    if (r == 0 && failed && phase->on_failure_continue && !is_over(build)) {
        build_log_say(&build->log, "Phase %s failed; on-failure is CONTINUE", buildspec_phase_shown(id));
        build->status = NULL;
        failed = false;
    }
    *ret_failed = failed;
    return r;
}

/* Writes what the shell exports, a NUL, and NAME=VALUE with a NUL for each variable that is asked for;
 * nothing but the NUL for one that is not set. No process is started for it. */
static int exported_step(const struct build *build, struct buf *ret)
{
    const json_t *name;
    size_t i;

    buf_puts(ret, "{ export -p; printf '\\0'; printf '%s\\0'");
    json_array_foreach (build->spec.exported, i, name) {
        const char *text = json_string_value(name);

        if (session_is_name(str_of(text)))
            buf_printf(ret, " \"${%s+%s=$%s}\"", text, text, text);
    }
    buf_puts(ret, "; } >\"$CODEBUILD_SRC_DIR/../" EXPORT_FILE "\"");
    return buf_error(ret);
}

/* `listing` is of `export -p`: lines that begin "export NAME" in dash, "declare -x NAME" in bash. */
static bool is_exported(struct str listing, const char *name)
{
    while (listing.len > 0) {
        struct str line = str_split(&listing, '\n'), word = str_split(&line, ' ');

        if (str_eqc(word, "declare"))
            (void)str_split(&line, ' ');
        else if (!str_eqc(word, "export"))
            continue;
        if (str_eqc(str_split(&line, '='), name))
            return true;
    }
    return false;
}

/* Value of a variable in what exported_step has written, or NULL. */
static const char *exported_find(struct str text, const char *name)
{
    size_t len = strlen(name);

    if (!is_exported(str_split(&text, '\0'), name))
        return NULL;
    while (text.len > 0) {
        struct str line = str_split(&text, '\0');

        if (line.len > len && line.ptr[len] == '=' && memcmp(line.ptr, name, len) == 0)
            return line.ptr + len + 1;
    }
    return NULL;
}

/* The build wrote the file and may have put anything in its place: no links, a plain file, a bounded size. */
static int exported_read(struct build *build, struct buf *ret)
{
    CLEANUP(free_ptr) char *path = NULL;
    CLEANUP(close_fd) int fd = -1;
    char block[4096];
    struct stat st;
    ssize_t got;

    if (asprintf(&path, "%s/%s", build->room->plot.folder, EXPORT_FILE) < 0)
        return FAULT(ENOMEM);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
        return 0;
    while ((got = io_read(fd, block, sizeof(block))) > 0)
        if (buf_put(ret, block, (size_t)got))
            return 0;
    return got < 0 ? (int)got : 0;
}

static int export_variables(struct build *build)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(EXPORT_MAX_BYTES);
    CLEANUP(buf_free) struct buf step = BUF_INIT(EXPORT_MAX_BYTES);
    const json_t *name;
    int status = 0, r;
    size_t i;

    if (!build->spec.exported || !build->session)
        return 0;
    r = exported_step(build, &step);
    if (r == 0)
        r = build_step(build, step.ptr, &status);
    if (r > 0)
        return r == SESSION_E_CANCELLED ? WORK_E_STOPPED : 0;
    if (r == 0)
        r = exported_read(build, &text);
    if (r)
        return r;
    json_array_foreach (build->spec.exported, i, name) {
        const char *value = exported_find(buf_str(&text), json_string_value(name));

        if (value)
            json_array_append_new(build->exported,
                                  json_pack("{s:s, s:s}", "name", json_string_value(name), "value", value));
    }
    return 0;
}

static int mark_failing(struct build *build)
{
    int status = 0, r;

    if (json_put_str(build->env.map, "CODEBUILD_BUILD_SUCCEEDING", "0"))
        return FAULT(ENOMEM);
    r = build_step(build, "export CODEBUILD_BUILD_SUCCEEDING=0", &status);
    return r == SESSION_E_CANCELLED ? WORK_E_STOPPED : r < 0 ? r : 0;
}

int build_phases_run(struct build *build)
{
    int r = 0;

    for (enum buildspec_phase_id id = 0; id < BUILDSPEC_PHASES; id++) {
        bool failed = false;

        r = phase_run(build, id, &failed);
        if (r || is_over(build))
            break;
        if (failed && id != PHASE_BUILD)
            break;
        if (failed)
            r = mark_failing(build);
        if (r)
            break;
    }
    if (r == 0 && !is_over(build))
        r = export_variables(build);
    session_free(&build->session);
    return r;
}
