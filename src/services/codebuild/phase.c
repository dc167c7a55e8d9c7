/* The list of a build's phases, in progress.phases: one object for each, in order of their start. */
#include "services/codebuild/build.h"

static json_t *phase_find(const struct build *build, const char *type)
{
    size_t i;
    json_t *phase;
    json_array_foreach (json_object_get(build->progress, "phases"), i, phase) {
        if (str_eqc(str_of(json_str(phase, "phaseType", "")), type))
            return phase;
    }
    return NULL;
}

/* The phase's object, made when there is none; NULL when out of memory. */
static json_t *phase_take(struct build *build, const char *type, int64_t now_ms)
{
    json_t *phase = phase_find(build, type);
    if (phase)
        return phase;
    phase = json_pack("{s:s, s:I}", "phaseType", type, "startTime", (json_int_t)now_ms);
    if (!phase || json_array_append_new(json_object_get(build->progress, "phases"), phase))
        return NULL;
    return phase;
}

static int set_end(json_t *phase, const char *status, int64_t end_ms)
{
    int64_t start_ms = json_int(phase, "startTime", end_ms);
    int r = json_put_str(phase, "phaseStatus", status);
    if (r == 0)
        r = json_put_int(phase, "endTime", end_ms);
    if (r == 0)
        r = json_put_int(phase, "durationInSeconds", end_ms > start_ms ? (end_ms - start_ms) / 1000 : 0);
    return r;
}

int phase_end(struct build *build, const char *type, const char *status, int64_t now_ms)
{
    json_t *phase = phase_find(build, type);
    if (!phase || json_object_get(phase, "endTime"))
        return 0;
    return set_end(phase, status, now_ms);
}

int phase_note(struct build *build, const char *type, const char *code, const char *message)
{
    json_t *phase = phase_find(build, type);
    if (!phase || !message)
        return 0;
    return json_put(phase, "contexts",
                    json_pack("[{s:s, s:s}]", "statusCode", code ? code : "", "message", message));
}

int build_enter(struct build *build, const char *phase, int64_t now_ms)
{
    if (str_eqc(str_of(build->phase), phase))
        return 0;
    int r = phase_end(build, build->phase, "SUCCEEDED", now_ms);
    if (r != 0)
        return r;
    if (!phase_take(build, phase, now_ms))
        return FAULT(ENOMEM);
    size_t len = strlen(phase);
    assert(len < sizeof(build->phase));
    memcpy(build->phase, phase, len + 1);
    return 0;
}

/* One that begins and ends with this report is the build's as it was reported. */
static int take_whole(struct build *build, json_t *reported)
{
    int64_t start_ms = json_int(reported, "startTime", 0), end_ms = json_int(reported, "endTime", 0);
    int r = json_put_int(reported, "durationInSeconds", end_ms > start_ms ? (end_ms - start_ms) / 1000 : 0);
    if (r == 0 && json_array_append(json_object_get(build->progress, "phases"), reported))
        r = FAULT(ENOMEM);
    return r;
}

static bool is_whole(const json_t *reported)
{
    const char *status = json_str(reported, "phaseStatus", NULL);
    return status && !str_eqc(STR("IN_PROGRESS"), status) && json_int(reported, "startTime", 0) > 0 &&
           json_int(reported, "endTime", 0) > 0;
}

static int merge_one(struct build *build, json_t *reported, int64_t now_ms)
{
    if (is_whole(reported) && !phase_find(build, json_str(reported, "phaseType", "")))
        return take_whole(build, reported);
    json_t *phase = phase_take(build, json_str(reported, "phaseType", ""), now_ms);
    if (!phase)
        return FAULT(ENOMEM);
    int r = 0;
    int64_t start_ms = json_int(reported, "startTime", 0);
    const char *status = json_str(reported, "phaseStatus", NULL);
    json_t *contexts = json_object_get(reported, "contexts");
    if (start_ms > 0)
        r = json_put_int(phase, "startTime", start_ms);
    if (r == 0 && status && !str_eqc(STR("IN_PROGRESS"), status))
        r = set_end(phase, status, json_int(reported, "endTime", now_ms));
    if (r == 0 && contexts)
        r = json_object_set(phase, "contexts", contexts) ? FAULT(ENOMEM) : 0;
    return r;
}

int phase_merge(struct build *build, const json_t *reported, int64_t now_ms)
{
    size_t i;
    json_t *phase;
    json_array_foreach (reported, i, phase) {
        int r = merge_one(build, phase, now_ms);
        if (r != 0)
            return r;
    }
    return 0;
}

int phase_rewind(struct build *build, int64_t now_ms)
{
    json_t *phases = json_object_get(build->progress, "phases");
    while (json_array_size(phases) > 1)
        (void)json_array_remove(phases, json_array_size(phases) - 1);
    build->phase[0] = '\0';
    return build_enter(build, "QUEUED", now_ms);
}
