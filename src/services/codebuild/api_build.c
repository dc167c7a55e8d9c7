/* Operations on builds, for those who start and watch them. */
#include "services/codebuild/api.h"
#include "services/codebuild/build.h"
#include "services/codebuild/page.h"
#include <stdio.h>

/* What follows "arn:aws:iam::ACCOUNT:" or "arn:aws:sts::ACCOUNT:": "user/NAME", "assumed-role/ROLE/SESSION".
 */
static const char *initiator(const struct call *c)
{
    const char *colon = strrchr(c->caller->arn, ':');
    return colon ? colon + 1 : c->caller->arn;
}

static int start(struct call *c, const json_t *input, const char *worker)
{
    const struct build_order order = {input, initiator(c), worker};
    json_t *build = NULL, *work = NULL;
    int r = build_start(c->tx, c->platform, c->caller->account, &order, &build, &work, &c->reason);
    if (r == 0)
        r = json_put(c->out, "build", build);
    return r == 0 && work ? json_put(c->out, "lease", work) : r;
}

/* *ret: who takes the build at once; NULL: the caller does not say. */
static int lease_header(struct call *c, const char **ret)
{
    struct str worker = http_header(c->http, "x-slipway-lease");
    if (!worker.ptr)
        return 0;
    if (worker.len < 1 || worker.len > CODEBUILD_WORKER_MAX)
        return call_fail(c, CODEBUILD_E_INVALID, "X-Slipway-Lease is a workerId: 1 to %d characters.",
                         CODEBUILD_WORKER_MAX);
    *ret = arena_dup(c->arena, worker);
    return *ret ? 0 : FAULT(ENOMEM);
}

int codebuild_start_build(struct call *c)
{
    const char *worker = NULL;
    int r = lease_header(c, &worker);
    return r == 0 ? start(c, c->in, worker) : r;
}

/* An id, or the build's ARN. */
static const char *id_of(const char *given)
{
    const char *slash = str_starts(str_of(given), STR("arn:")) ? strchr(given, '/') : NULL;
    return slash ? slash + 1 : given;
}

static int no_build(struct call *c, const char *id)
{
    return call_fail(c, CODEBUILD_E_NOT_FOUND, "Build cannot be found: arn:aws:codebuild:%s:%s:build/%s",
                     c->platform->region, c->caller->account, id);
}

int codebuild_retry_build(struct call *c)
{
    CLEANUP(build_deinit) struct build build = {0};
    const char *id = id_of(json_str(c->in, "id", "")), *token = json_str(c->in, "idempotencyToken", NULL);
    int r = build_store_get(c->tx, c->caller->account, id, &build);
    if (r != 0)
        return r < 0 ? r : no_build(c, id);
    if (build.state != BUILD_ENDED)
        return call_fail(c, CODEBUILD_E_INVALID, "The build %s has not ended: stop it before it is retried.",
                         id);
    CLEANUP(json_free) json_t *input = json_deep_copy(json_object_get(build.body, "input"));
    if (!input)
        return FAULT(ENOMEM);
    (void)json_object_del(input, "idempotencyToken"); /* -1 only when there is none */
    if (token && json_put_str(input, "idempotencyToken", token) != 0)
        return FAULT(ENOMEM);
    return start(c, input, NULL);
}

int codebuild_stop_build(struct call *c)
{
    json_t *build = NULL;
    const char *id = id_of(json_str(c->in, "id", ""));
    int r = build_stop(c->tx, c->caller->account, id);
    if (r == CODEBUILD_E_NOT_FOUND)
        return no_build(c, id);
    if (r == 0)
        r = build_get(c->tx, c->platform, c->caller->account, id, &build);
    return r == 0 ? json_put(c->out, "build", build) : r;
}

/* Fills c->out; *ret_ended: none of the builds will ever change again. */
static int look_up(struct call *c, bool *ret_ended)
{
    json_t *found = json_array(), *missing = json_array(), *id;
    size_t i;
    int r = json_put(c->out, "builds", found);
    if (json_put(c->out, "buildsNotFound", missing) != 0 || r != 0)
        return FAULT(ENOMEM);
    json_array_foreach (json_object_get(c->in, "ids"), i, id) {
        json_t *build = NULL;
        r = build_get(c->tx, c->platform, c->caller->account, id_of(json_string_value(id)), &build);
        if (r < 0)
            return r;
        *ret_ended = *ret_ended && (r != 0 || json_bool(build, "buildComplete", false));
        if (r == 0 ? json_array_append_new(found, build) : json_array_append(missing, id))
            return FAULT(ENOMEM);
    }
    return 0;
}

int codebuild_batch_get_builds(struct call *c)
{
    char topic[WAKE_TOPIC_MAX];
    const json_t *ids = json_object_get(c->in, "ids");
    const char *uuid = build_uuid(id_of(json_string_value(json_array_get(ids, 0))));
    int len = json_array_size(ids) == 1
                  ? snprintf(topic, sizeof(topic), CODEBUILD_TOPIC_BUILD, uuid)
                  : snprintf(topic, sizeof(topic), CODEBUILD_TOPIC_BUILDS, c->caller->account);
    bool ended = true, waited = c->wait_deadline_mono_ms != 0;
    int r = look_up(c, &ended);
    bool names_topic = len > 0 && (size_t)len < sizeof(topic);
    if (r != 0 || ended || waited || call_wait_ms(c) == 0 || !names_topic)
        return r;
    return call_wait(c, call_wait_ms(c), topic);
}

/* LIMIT: a page and one row that tells of the next. */
#define ALL_BUILDS(order, than)                                                                              \
    "SELECT id, started_ms, id FROM codebuild_build WHERE account = $1 "                                     \
    "AND (started_ms, id) " than " ($2, $3) ORDER BY started_ms " order ", id " order " LIMIT 101"
#define PROJECT_BUILDS(order, than)                                                                          \
    "SELECT id, number, '' FROM codebuild_build WHERE account = $1 AND project = $2 AND number " than " $3 " \
    "ORDER BY number " order " LIMIT 101"

int codebuild_list_builds(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct page page;
    int r = codebuild_page_start(c, true, &page);
    if (r == 0)
        r = tx_query(c->tx, &rows, page.descending ? ALL_BUILDS("DESC", "<") : ALL_BUILDS("ASC", ">"), "sis",
                     c->caller->account, page.number, page.name);
    return r == 0 ? codebuild_page_fill(c, rows, "ids") : r;
}

int codebuild_list_builds_for_project(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(project_row_deinit) struct project_row row = {0};
    struct page page;
    const char *project = json_str(c->in, "projectName", "");
    int r = project_store_get(c->tx, c->caller->account, project, &row);
    if (r == DB_NONE)
        return call_fail(c, CODEBUILD_E_NOT_FOUND,
                         "The provided project arn:aws:codebuild:%s:%s:project/%s does not exist",
                         c->platform->region, c->caller->account, project);
    if (r == 0)
        r = codebuild_page_start(c, true, &page);
    if (r == 0)
        r = tx_query(c->tx, &rows, page.descending ? PROJECT_BUILDS("DESC", "<") : PROJECT_BUILDS("ASC", ">"),
                     "ssi", c->caller->account, project, page.number);
    return r == 0 ? codebuild_page_fill(c, rows, "ids") : r;
}
