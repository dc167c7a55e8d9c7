/* Workers: builds leased to them, their reports, and what happens when they fall silent. */
#include "services/codebuild/build.h"
#include "base/clock.h"
#include "base/id.h"
#include <stdio.h>

int build_take(struct build *build, const char *worker, int64_t now_ms)
{
    build_move(build, BUILD_LEASED);
    (void)snprintf(build->worker, sizeof(build->worker), "%s", worker);
    id_hex(build->nonce, sizeof(build->nonce) - 1);
    build->attempt++;
    build->lease_ms = now_ms + CODEBUILD_LEASE_MS;
    if (!build->timed)
        build->limit_ms = now_ms + json_int(build->body, "timeoutInMinutes", 60) * 60000;
    build->timed = true;
    return build_enter(build, "PROVISIONING", now_ms);
}

int build_take_saved(struct tx *tx, struct build *build, const char *worker)
{
    int r = build_take(build, worker, clock_now_ms());
    return r == 0 ? build_save_changed(tx, build) : r;
}

static int lease_one(struct tx *tx, const struct platform *platform, struct build *build, const char *worker,
                     json_t *list)
{
    json_t *work = NULL;
    int r = build_take_saved(tx, build, worker);
    if (r == 0)
        r = build_show_work(build, platform, clock_now_ms(), &work);
    return r == 0 && json_array_append_new(list, work) ? FAULT(ENOMEM) : r;
}

int build_lease(struct tx *tx, const struct platform *platform, const char *account, const char *worker,
                size_t max, json_t **ret_builds)
{
    CLEANUP(json_free) json_t *list = json_array();
    if (!list)
        return FAULT(ENOMEM);
    while (json_array_size(list) < max) {
        CLEANUP(build_deinit) struct build build = {0};
        int r = build_store_waiting(tx, account, &build);
        if (r == DB_NONE)
            break;
        if (r == 0)
            r = lease_one(tx, platform, &build, worker, list);
        if (r != 0)
            return r;
    }
    *ret_builds = take(list);
    return 0;
}

/* Back to the queue; the next lease's nonce makes this one's stale. */
static int requeue(struct tx *tx, struct build *build, const char *code, const char *message)
{
    build_move(build, BUILD_QUEUED);
    build->nonce[0] = '\0';
    int r = phase_rewind(build, clock_now_ms());
    if (r == 0)
        r = phase_note(build, "QUEUED", code, message);
    return r == 0 ? build_save_changed(tx, build) : r;
}

static int take_results(struct build *build, const json_t *input)
{
    static const char *const members[] = {"artifacts", "exportedEnvironmentVariables",
                                          "resolvedSourceVersion"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(input, members[i]);
        if (value && json_object_set(build->progress, members[i], value))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int apply_report(struct tx *tx, struct build *build, const json_t *input)
{
    int64_t now_ms = clock_now_ms();
    const char *phase = json_str(input, "currentPhase", NULL), *status = json_str(input, "buildStatus", NULL);
    int r = phase_merge(build, json_object_get(input, "phases"), now_ms);
    if (r == 0)
        r = build_log_put(tx, build, json_object_get(input, "logEvents"));
    if (r == 0 && phase)
        r = build_enter(build, phase, now_ms);
    if (r == 0)
        r = take_results(build, input);
    if (r != 0)
        return r;
    if (status)
        return build_finish(tx, build, status, NULL, NULL);
    if (json_bool(input, "release", false)) {
        build->attempt--; /* handed back in order: no death to count */
        return requeue(tx, build, "WORKER_STOPPED", "The worker stopped and handed the build back.");
    }
    build->lease_ms = now_ms + CODEBUILD_LEASE_MS;
    return build_store_save(tx, build); /* due later than before: nobody need be woken */
}

static int answer_make(const struct build *build, const struct platform *platform, bool cancelled, bool shown,
                       json_t **ret)
{
    int64_t left_ms = build->limit_ms - clock_now_ms();
    CLEANUP(json_free)
    json_t *answer = json_pack("{s:b, s:I, s:I}", "cancelled", cancelled, "leaseMs",
                               (json_int_t)(build->state == BUILD_LEASED ? CODEBUILD_LEASE_MS : 0),
                               "timeoutMs", (json_int_t)(left_ms > 0 ? left_ms : 0));
    json_t *whole = NULL;
    int r = answer ? 0 : FAULT(ENOMEM);
    if (r == 0 && shown)
        r = build_show(build, platform, &whole);
    if (r == 0 && whole)
        r = json_put(answer, "build", whole);
    if (r == 0)
        *ret = take(answer);
    return r;
}

int build_update(struct tx *tx, const struct platform *platform, const char *account, const json_t *input,
                 json_t **ret_answer, struct reason *why)
{
    CLEANUP(build_deinit) struct build build = {0};
    const char *id = json_str(input, "id", ""), *nonce = json_str(input, "nonce", "");
    const char *phase = json_str(input, "currentPhase", "");
    int r = build_store_recall(tx, account, id, &build);
    if (r != 0)
        return r < 0 ? r
                     : reason_set(why, CODEBUILD_E_NOT_FOUND, "There is no build %s in this account.", id);
    if (build.nonce[0] == '\0' || !str_eqc(str_of(build.nonce), nonce))
        return reason_set(why, CODEBUILD_E_NONCE,
                          "The build %s is no longer leased with this nonce: leave it and poll for others.",
                          id);
    if (str_eqc(str_of(phase), "COMPLETED"))
        return reason_set(why, CODEBUILD_E_INVALID,
                          "End a build with buildStatus; COMPLETED follows by itself.");
    bool cancelled = build.state == BUILD_ENDED, shown = json_bool(input, "showBuild", false);
    if (!cancelled)
        r = apply_report(tx, &build, input);
    if (r == 0)
        r = answer_make(&build, platform, cancelled, shown, ret_answer);
    if (r == 0 && !shown)
        build_store_keep(tx, &build);
    return r;
}

int build_grace(struct tx *tx, int64_t now_ms)
{
    return build_store_prolong(tx, now_ms + CODEBUILD_LEASE_MS);
}

static int lose(struct tx *tx, struct build *build, const char *words)
{
    if (build->attempt < CODEBUILD_MAX_ATTEMPTS)
        return requeue(tx, build, "WORKER_LOST", words);
    return build_finish(tx, build, "FAULT", "WORKER_LOST", words);
}

int build_orphan(struct tx *tx, const char *account, const char *worker)
{
    for (;;) {
        CLEANUP(build_deinit) struct build build = {0};
        int r = build_store_held(tx, account, worker, &build);
        if (r != 0)
            return r == DB_NONE ? 0 : r;
        r = lose(tx, &build, "The worker ended, says its successor.");
        if (r != 0)
            return r;
    }
}

static int expire_one(struct tx *tx, struct build *build, int64_t now_ms)
{
    char words[200];
    if (build->limit_ms <= now_ms && build->timed)
        return build_finish(tx, build, "TIMED_OUT", "BUILD_TIMED_OUT",
                            "The build has run longer than its timeoutInMinutes.");
    if (build->limit_ms <= now_ms)
        return build_finish(tx, build, "TIMED_OUT", "QUEUE_TIMED_OUT",
                            "No worker of the account took the build within its queuedTimeoutInMinutes.");
    (void)snprintf(words, sizeof(words), "The worker of lease %lld fell silent for %d s.",
                   (long long)build->attempt, CODEBUILD_LEASE_MS / 1000);
    return lose(tx, build, words);
}

int build_expire(struct tx *tx, int64_t now_ms, int64_t *ret_next_ms)
{
    for (;;) {
        CLEANUP(build_deinit) struct build build = {0};
        int r = build_store_due(tx, now_ms, &build);
        if (r == DB_NONE)
            return build_store_next_due(tx, ret_next_ms);
        if (r == 0)
            r = expire_one(tx, &build, now_ms);
        if (r != 0)
            return r;
    }
}
