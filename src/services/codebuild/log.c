/* A build's lines in Logs: its stream is there before its first line. */
#include "services/codebuild/build.h"
#include "services/logs/logs.h"
#include "services/logs/store.h"

static const char *group_of(const struct build *build)
{
    const json_t *logs = json_object_get(build->body, "logs");
    return str_eqc(STR("ENABLED"), json_str(logs, "status", "ENABLED")) ? json_str(logs, "groupName", "")
                                                                        : NULL;
}

static const char *stream_of(const struct build *build)
{
    return json_str(json_object_get(build->body, "logs"), "streamName", "");
}

static int group_take(struct tx *tx, const struct build *build, struct log_group *ret)
{
    int r = log_group_find(tx, build->account, group_of(build), ret, NULL);
    if (r != LOGS_E_NOT_FOUND)
        return r;
    r = log_group_create(tx, build->account, group_of(build), NULL, NULL);
    return r == 0 ? log_group_find(tx, build->account, group_of(build), ret, NULL) : r;
}

int build_log_prepare(struct tx *tx, const struct build *build)
{
    struct log_group group;
    if (!group_of(build))
        return 0;
    int r = group_take(tx, build, &group);
    if (r == 0)
        r = log_stream_create(tx, &group, stream_of(build), NULL);
    return r < 0 ? r : 0; /* a name that logs refuse: the build goes on without */
}

int build_log_put(struct tx *tx, const struct build *build, const json_t *events)
{
    struct log_group group;
    struct log_stream stream;
    struct log_rejected rejected;
    if (!group_of(build) || json_array_size(events) == 0)
        return 0;
    int r = group_take(tx, build, &group);
    if (r == 0)
        r = log_stream_find(tx, &group, stream_of(build), &stream, NULL);
    if (r == LOGS_E_NOT_FOUND) { /* somebody removed it */
        r = log_stream_create(tx, &group, stream_of(build), NULL);
        if (r == 0)
            r = log_stream_find(tx, &group, stream_of(build), &stream, NULL);
    }
    if (r == 0)
        r = log_put(tx, &group, &stream, events, &rejected, NULL);
    return r < 0 ? r : 0; /* lines that logs refuse are not worth a build's end */
}
