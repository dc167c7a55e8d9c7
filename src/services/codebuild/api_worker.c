/* The two extensions by which an account's worker runs its builds. */
#include "services/codebuild/api.h"
#include "services/codebuild/build.h"
#include "services/service.h"
#include <stdio.h>

static int any_waiting(struct call *c)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(build_deinit) struct build build = {0};
    int r = db_look(c->platform->db, DB_ANYTHING, &tx);
    if (r < 0)
        return r;
    int found = build_store_waiting(tx, c->caller->account, &build);
    r = found < 0 ? found : db_commit(&tx);
    return r < 0 ? r : found;
}

static int lease(struct call *c, json_t **ret)
{
    const json_t *ended = json_object_get(c->in, "successorOf"), *worker;
    CLEANUP(db_end) struct tx *tx = NULL;
    size_t i;
    int r = db_begin(c->platform->db, &tx);
    json_array_foreach (ended, i, worker)
        if (r == 0)
            r = build_orphan(tx, c->caller->account, json_string_value(worker));
    if (r == 0)
        r = build_lease(tx, c->platform, c->caller->account, json_str(c->in, "workerId", ""),
                        (size_t)json_int(c->in, "maxBatchSize", 1), ret);
    if (r != 0)
        return r;
    return json_array_size(*ret) > 0 ? call_commit(c, &tx) : db_commit(&tx);
}

/* Looks without the writers' turn first: most polls find nothing. */
int codebuild_poll_for_builds(struct call *c)
{
    char topic[WAKE_TOPIC_MAX];
    CLEANUP(json_free) json_t *builds = NULL;
    (void)snprintf(topic, sizeof(topic), CODEBUILD_TOPIC_WAITING, c->caller->account);
    bool succeeds = json_object_get(c->in, "successorOf") && c->wait_deadline_mono_ms == 0;
    int r = any_waiting(c);
    if (r == 0 || (r == DB_NONE && succeeds))
        r = lease(c, &builds);
    if (r < 0)
        return r;
    if (json_array_size(builds) > 0)
        return json_put(c->out, "builds", take(builds));
    r = call_wait(c, json_int(c->in, "waitMs", 0), topic);
    return r == 0 ? json_put(c->out, "builds", json_array()) : r;
}

int codebuild_update_build(struct call *c)
{
    json_t *answer = NULL;
    int r = build_update(c->tx, c->platform, c->caller->account, c->in, &answer, &c->reason);
    if (r != 0)
        return r;
    r = json_object_update(c->out, answer) ? FAULT(ENOMEM) : 0;
    json_free(&answer);
    return r;
}
