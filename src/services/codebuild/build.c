/* Builds: started, watched, stopped, and the mover of their state:
 *   QUEUED → LEASED   a worker takes it           LEASED → QUEUED   the lease ran out, or was handed back
 *   QUEUED → ENDED    stopped, or waited too long LEASED → ENDED    the worker's result, stopped, timed out
 */
#include "services/codebuild/build.h"
#include "base/clock.h"
#include "base/id.h"
#include "services/codebuild/watch.h"
#include "services/service.h"
#include <stdio.h>

#define TOKEN_MS (5 * INT64_C(60000)) /* AWS keeps an idempotency token for five minutes */

static const bool legal[3][3] = {
    [BUILD_QUEUED] = {[BUILD_LEASED] = true, [BUILD_ENDED] = true},
    [BUILD_LEASED] = {[BUILD_QUEUED] = true, [BUILD_ENDED] = true},
};

void build_move(struct build *build, enum build_state to)
{
    assert(legal[build->state][to]);
    build->state = to;
}

const char *build_uuid(const char *id)
{
    const char *colon = strchr(id, ':');
    return colon ? colon + 1 : "";
}

static void tell_moved(struct tx *tx, const struct build *build)
{
    if (build->state == BUILD_ENDED) {
        tx_wake(tx, CODEBUILD_TOPIC_BUILD, build_uuid(build->id));
        tx_wake(tx, CODEBUILD_TOPIC_BUILDS, build->account);
        return;
    }
    if (build->state == BUILD_QUEUED)
        tx_wake(tx, CODEBUILD_TOPIC_WAITING, build->account);
    watch_expect(tx, build_store_due_ms(build));
}

int build_save_changed(struct tx *tx, const struct build *build)
{
    tell_moved(tx, build);
    return build_store_save(tx, build);
}

int build_finish(struct tx *tx, struct build *build, const char *status, const char *code,
                 const char *message)
{
    int64_t now_ms = clock_now_ms();
    int r = phase_end(build, build->phase, status, now_ms);
    if (r == 0)
        r = phase_note(build, build->phase, code, message);
    if (r == 0)
        r = build_enter(build, "COMPLETED", now_ms);
    if (r != 0)
        return r;
    build_move(build, BUILD_ENDED);
    (void)snprintf(build->status, sizeof(build->status), "%s", status);
    build->ended_ms = now_ms;
    return build_save_changed(tx, build);
}

static int init(struct tx *tx, const char *account, const json_t *input, struct build *build)
{
    char uuid[ID_UUID_SIZE];
    const char *project = json_str(input, "projectName", "");
    id_uuid(uuid);
    (void)snprintf(build->account, sizeof(build->account), "%s", account);
    (void)snprintf(build->project, sizeof(build->project), "%s", project);
    (void)snprintf(build->id, sizeof(build->id), "%s:%s", project, uuid);
    (void)snprintf(build->status, sizeof(build->status), "IN_PROGRESS");
    (void)snprintf(build->token, sizeof(build->token), "%s", json_str(input, "idempotencyToken", ""));
    build->state = BUILD_QUEUED;
    build->started_ms = clock_now_ms();
    build->progress = json_pack("{s:[]}", "phases");
    if (!build->progress)
        return FAULT(ENOMEM);
    int r = build_enter(build, "SUBMITTED", build->started_ms);
    if (r == 0)
        r = build_enter(build, "QUEUED", build->started_ms);
    return r == 0 ? build_store_next_number(tx, account, project, &build->number) : r;
}

static int check_limit(struct tx *tx, const char *account, const json_t *project, struct reason *why)
{
    int64_t active = 0, limit = json_int(project, "concurrentBuildLimit", 0);
    int r = limit > 0 ? build_store_active(tx, account, json_str(project, "name", ""), &active) : 0;
    if (r == 0 && limit > 0 && active >= limit)
        return reason_set(why, CODEBUILD_E_LIMIT,
                          "Cannot have more than %lld active builds for the project %s", (long long)limit,
                          json_str(project, "name", ""));
    return r;
}

/* *ret_found: this token has started a build before; it is read into *ret then. */
static int find_repeated(struct tx *tx, const char *account, const json_t *input, struct build *ret,
                         bool *ret_found, struct reason *why)
{
    const char *token = json_str(input, "idempotencyToken", "");
    if (token[0] == '\0')
        return 0;
    if (strlen(token) >= sizeof(ret->token))
        return reason_set(why, CODEBUILD_E_INVALID, "idempotencyToken is longer than %zu characters.",
                          sizeof(ret->token) - 1);
    int r = build_store_by_token(tx, account, token, ret);
    if (r != 0)
        return r < 0 ? r : 0;
    if (ret->state == BUILD_ENDED && clock_now_ms() - ret->started_ms >= TOKEN_MS) {
        build_deinit(ret);
        *ret = (struct build){0};
        return 0;
    }
    if (!json_equal(json_object_get(ret->body, "input"), input))
        return reason_set(
            why, CODEBUILD_E_INVALID,
            "Parameters do not match those of an earlier request with the same idempotency token.");
    *ret_found = true;
    return 0;
}

static int create(struct tx *tx, const char *account, const struct build_order *order, const json_t *project,
                  struct build *build, struct reason *why)
{
    int r = check_limit(tx, account, project, why);
    if (r == 0)
        r = init(tx, account, order->input, build);
    if (r == 0)
        r = spec_make(project, order->input, account, build->id, order->initiator, &build->body, why);
    if (r != 0)
        return r;
    build->limit_ms = build->started_ms + json_int(build->body, "queuedTimeoutInMinutes", 480) * 60000;
    r = order->worker ? build_take(build, order->worker, build->started_ms) : 0;
    if (r == 0)
        r = build_store_insert(tx, build);
    if (r == 0)
        r = build_log_prepare(tx, build);
    tell_moved(tx, build);
    return r;
}

int build_start(struct tx *tx, const struct platform *platform, const char *account,
                const struct build_order *order, json_t **ret_build, json_t **ret_work, struct reason *why)
{
    CLEANUP(json_free) json_t *project = NULL;
    CLEANUP(build_deinit) struct build build = {0};
    const char *name = json_str(order->input, "projectName", "");
    bool repeated = false;
    int r = project_store_recall(tx, account, name, &project);
    if (r != 0)
        return r < 0 ? r
                     : reason_set(why, CODEBUILD_E_NOT_FOUND,
                                  "Project cannot be found: arn:aws:codebuild:%s:%s:project/%s",
                                  platform->region, account, name);
    r = find_repeated(tx, account, order->input, &build, &repeated, why);
    if (r != 0)
        return r;
    bool taken = order->worker && (!repeated || build.state == BUILD_QUEUED);
    if (!repeated)
        r = create(tx, account, order, project, &build, why);
    else if (taken)
        r = build_take_saved(tx, &build, order->worker);
    if (r == 0 && taken)
        r = build_show_work(&build, platform, clock_now_ms(), ret_work);
    if (r == 0 && ret_build)
        return build_show(&build, platform, ret_build);
    if (r == 0 && taken)
        build_store_keep(tx, &build);
    return r;
}

int build_get(struct tx *tx, const struct platform *platform, const char *account, const char *id,
              json_t **ret_build)
{
    CLEANUP(build_deinit) struct build build = {0};
    int r = build_store_get(tx, account, id, &build);
    if (r != 0)
        return r < 0 ? r : CODEBUILD_E_NOT_FOUND;
    return build_show(&build, platform, ret_build);
}

int build_stop(struct tx *tx, const char *account, const char *id)
{
    CLEANUP(build_deinit) struct build build = {0};
    int r = build_store_get(tx, account, id, &build);
    if (r != 0)
        return r < 0 ? r : CODEBUILD_E_NOT_FOUND;
    if (build.state == BUILD_ENDED)
        return 0;
    return build_finish(tx, &build, "STOPPED", "STOPPED", "The build was stopped by StopBuild.");
}
