/* A build's shell: starts with the first command, and anew after one that ended it. */
#include "base/io.h"
#include "wire/json.h"
#include "workers/anchor/build.h"
#include <fcntl.h>
#include <stdio.h>

#define CPU_S 28800

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

/* Where the room's shell will not do: one that starts with the build's variables. */
static int session_own(struct build *build, struct session_entry entry)
{
    static const char *const none[] = {NULL};
    int r = room_open(build->room, build->anchor->sandbox, build->spec.shell,
                      (const char *const *)build->env.envp, &build->session, &build->why);

    entry.envp = none;
    if (r == 0)
        r = session_enter(build->session, &entry);
    return r == SESSION_E_ENDED ? 0 : r; /* its first step says why */
}

static struct session_entry entry_of(const struct build *build)
{
    return (struct session_entry){
        .envp = (const char *const *)build->env.envp,
        .memory_kib = memory_kib(build->tree),
        .cpu_s = CPU_S,
        .cancel_fd = build->lease.cancel_fd,
    };
}

bool build_session_begin(struct build *build)
{
    const struct session_entry entry = entry_of(build);

    if (!build->room->session || strcmp(build->spec.shell, "sh") != 0 || !session_can_tell(entry.envp))
        return false;
    build->session = take(build->room->session);
    if (session_enter(build->session, &entry))
        session_free(&build->session);
    return build->session != NULL;
}

static int session_start(struct build *build)
{
    return build_session_begin(build) ? 0 : session_own(build, entry_of(build));
}

static void build_bytes(void *ctx, const char *bytes, size_t len)
{
    build_log_bytes(&((struct build *)ctx)->log, bytes, len);
}

static int step_do(struct build *build, struct str text, int *ret_status)
{
    const struct session_output output = {build_bytes, build_due_ms, build_flush, build};

    return session_step(build->session, text, build->deadline_ms, &output, ret_status, &build->why);
}

int build_step(struct build *build, const char *text, int *ret_status)
{
    int r = build->session ? 0 : session_start(build);

    if (r == 0)
        r = step_do(build, str_of(text), ret_status);
    if (r == SESSION_E_START)
        session_free(&build->session);
    if (r == SESSION_E_ENDED) { /* `exit` in a command: the next one gets a fresh shell */
        session_free(&build->session);
        return 0;
    }
    return r;
}
