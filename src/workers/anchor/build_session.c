/* A build's shell. It starts before the source is there, because a sandbox takes milliseconds: the variables,
 * which the buildspec has a say in, come to it by a first step. Where that cannot be, another one starts with
 * them. */
#include "base/io.h"
#include "wire/json.h"
#include "workers/anchor/build.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>

#define CPU_S 28800
#define EXPORTS_MAX_BYTES (4 << 20)

static const struct {
    const char *type;
    int64_t memory_gib;
} computes[] = {
    {"BUILD_GENERAL1_SMALL", 4},
    {"BUILD_GENERAL1_MEDIUM", 8},
    {"BUILD_GENERAL1_LARGE", 16},
};

static int64_t memory_kib(const json_t *tree)
{
    const char *type = json_string_value(json_path(tree, "environment.computeType"));

    for (size_t i = 0; type && i < ARRAY_LEN(computes); i++)
        if (strcmp(computes[i].type, type) == 0)
            return computes[i].memory_gib << 20;
    return computes[0].memory_gib << 20;
}

static int session_start(struct build *build, const char *shell, const char *const *envp)
{
    const struct session_spec spec = {
        .folder = build->folder,
        .steps = build->steps,
        .cwd = build->source_inside,
        .shell = shell,
        .envp = envp,
        .sandbox = build->anchor->sandbox,
        .memory_kib = memory_kib(build->tree),
        .cpu_s = CPU_S,
        .cancel_fd = build->lease.cancel_fd,
    };

    return session_open(&spec, &build->session, &build->why);
}

int build_session_early(struct build *build)
{
    static const char *const envp[] = {BUILD_ENV_PATH, NULL};

    build->early = true;
    return session_start(build, "sh", envp);
}

static int step_write(struct build *build, struct str text, char name[24])
{
    CLEANUP(free_ptr) char *path = NULL;
    CLEANUP(close_fd) int fd = -1;
    int r;

    snprintf(name, 24, "%06d", build->step_count++);
    if (asprintf(&path, "%s/%s", build->steps, name) < 0)
        return FAULT(ENOMEM);
    fd = io_open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0)
        return fd;
    r = io_write_all(fd, text.ptr, text.len);
    return r ? r : io_write_all(fd, "\n", 1);
}

static void build_bytes(void *ctx, const char *bytes, size_t len)
{
    build_log_bytes(&((struct build *)ctx)->log, bytes, len);
}

static int step_do(struct build *build, struct str text, int *ret_status)
{
    const struct session_output output = {build_bytes, build_due_ms, build_flush, build};
    char name[24];
    int r = step_write(build, text, name);

    return r ? r : session_step(build->session, name, build->deadline_ms, &output, ret_status);
}

/* ---- the variables of a shell that started without them */

/* IFS is the shell's own: it ignores the environment's. */
static bool can_be_exported(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (const char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '_')
            return false;
    return strcmp(name, "IFS") != 0;
}

static int export_write(struct buf *buf, const char *name, struct str value)
{
    struct str left = value;
    int r = buf_printf(buf, "export %s='", name);

    while (r == 0 && left.len > 0) {
        bool more = memchr(left.ptr, '\'', left.len) != NULL;
        r = buf_put_str(buf, str_split(&left, '\''));
        if (r == 0 && more)
            r = buf_puts(buf, "'\\''");
    }
    return r ? r : buf_puts(buf, "'\n");
}

/* False when they cannot be given this way. */
static bool exports_write(const struct build *build, struct buf *buf)
{
    const char *name;
    json_t *value;

    json_object_foreach (build->env.map, name, value)
        if (!can_be_exported(name) || export_write(buf, name, str_of(json_string_value(value))))
            return false;
    return true;
}

/* Without a session afterwards when another one is needed. */
static int variables_give(struct build *build)
{
    CLEANUP(buf_free) struct buf exports = BUF_INIT((size_t)EXPORTS_MAX_BYTES);
    int status = 1, r = 0;

    build->early = false;
    if (build->session && strcmp(build->spec.shell, "bash") != 0 && exports_write(build, &exports)) {
        r = session_ready(build->session, &build->why);
        if (r == 0)
            r = step_do(build, buf_str(&exports), &status);
        if (r == SESSION_E_ENDED)
            r = 0;
    }
    if (status != 0)
        session_free(&build->session);
    return r;
}

int build_step(struct build *build, const char *text, int *ret_status)
{
    int r = build->early ? variables_give(build) : 0;

    if (r == 0 && !build->session)
        r = session_start(build, build->spec.shell, (const char *const *)build->env.envp);
    if (r == 0)
        r = session_ready(build->session, &build->why);
    if (r == SESSION_E_START)
        session_free(&build->session);
    if (r == 0)
        r = step_do(build, str_of(text), ret_status);
    if (r == SESSION_E_ENDED) { /* `exit` in a command: the next one gets a fresh shell */
        session_free(&build->session);
        return 0;
    }
    return r;
}
