/* Builds from start to end on a clock that the test steps: leases, reports, deaths, timeouts, stops. */
#include "base/clock.h"
#include "base/io.h"
#include "services/codebuild/codebuild.h"
#include "services/codebuild/store.h"
#include "services/logs/store.h"
#include "services/codebuild/watch.h"
#include "services/service.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <cmocka.h>

#define ACCOUNT "222222222222"
#define MINUTE 60000

static char folder[64];
static struct db *db;
static struct platform platform = {.region = "us-east-1"};
static _Atomic int64_t now_ms;

static int64_t test_clock(void)
{
    return now_ms;
}

static int setup(void **state UNUSED)
{
    char path[96];
    const char *failed = NULL;
    const struct db_schema schemas[] = {{"logs", logs_migrations, LOGS_MIGRATION_COUNT},
                                        {"codebuild", codebuild_migrations, CODEBUILD_MIGRATION_COUNT}};
    now_ms = 1700000000000;
    clock_set(test_clock);
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-cb-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, schemas, ARRAY_LEN(schemas), &failed), 0);
    platform.db = db;
    return 0;
}

static int teardown(void **state UNUSED)
{
    clock_set(NULL);
    db_close(&db);
    return io_remove_tree(folder);
}

static json_t *parse(const char *text)
{
    json_t *value = NULL;
    struct reason why = {0};
    assert_int_equal(json_parse(str_of(text), &value, &why), 0);
    return value;
}

static struct tx *begin(void)
{
    struct tx *tx = NULL;
    assert_int_equal(db_begin(db, &tx), 0);
    return tx;
}

#define PROJECT                                                                                              \
    "{\"name\": \"shop\", \"source\": {\"type\": \"S3\", \"location\": \"src/a/b.zip\"}, "                   \
    "\"artifacts\": {\"type\": \"NO_ARTIFACTS\"}, \"serviceRole\": \"arn:aws:iam::" ACCOUNT ":role/b\", "    \
    "\"environment\": {\"type\": \"LINUX_CONTAINER\", \"image\": \"i\", "                                    \
    "\"computeType\": \"BUILD_GENERAL1_SMALL\", \"environmentVariables\": ["                                 \
    "{\"name\": \"A\", \"value\": \"1\"}, {\"name\": \"B\", \"value\": \"2\"}]}, \"timeoutInMinutes\": 10}"

static int put(const char *text, enum project_put_mode mode)
{
    CLEANUP(json_free) json_t *project = parse(text);
    CLEANUP(db_end) struct tx *tx = begin();
    struct reason why = {0};
    int r = project_put(tx, &platform, ACCOUNT, project, mode, &why);
    return r == 0 ? db_commit(&tx) : r;
}

static json_t *start(const char *text)
{
    CLEANUP(json_free) json_t *input = parse(text);
    CLEANUP(db_end) struct tx *tx = begin();
    const struct build_order order = {input, "user/dev", NULL};
    json_t *build = NULL, *work = NULL;
    struct reason why = {0};
    int r = build_start(tx, &platform, ACCOUNT, &order, &build, &work, &why);
    assert_null(work);
    if (r != 0)
        return NULL;
    assert_int_equal(db_commit(&tx), 0);
    return build;
}

/* The id of a fresh build, in a static buffer. */
static const char *start_one(void)
{
    static char id[CODEBUILD_ID_SIZE];
    CLEANUP(json_free) json_t *build = start("{\"projectName\": \"shop\"}");
    assert_non_null(build);
    (void)snprintf(id, sizeof(id), "%s", json_str(build, "id", ""));
    return id;
}

static json_t *get(const char *id)
{
    CLEANUP(db_end) struct tx *tx = begin();
    json_t *build = NULL;
    assert_int_equal(build_get(tx, &platform, ACCOUNT, id, &build), 0);
    return build;
}

static void assert_status(const char *id, const char *status, const char *phase)
{
    CLEANUP(json_free) json_t *build = get(id);
    assert_string_equal(json_str(build, "buildStatus", ""), status);
    assert_string_equal(json_str(build, "currentPhase", ""), phase);
    assert_int_equal(json_bool(build, "buildComplete", false), strcmp(status, "IN_PROGRESS") != 0);
}

/* The builds leased, and the first one's nonce. */
static size_t lease(char nonce[33])
{
    CLEANUP(db_end) struct tx *tx = begin();
    CLEANUP(json_free) json_t *builds = NULL;
    assert_int_equal(build_lease(tx, &platform, ACCOUNT, "worker", 5, &builds), 0);
    assert_int_equal(db_commit(&tx), 0);
    (void)snprintf(nonce, 33, "%s", json_str(json_array_get(builds, 0), "nonce", ""));
    return json_array_size(builds);
}

/* *ret_cancelled may be NULL. */
static int update(const char *id, const char *nonce, const char *more, bool *ret_cancelled)
{
    CLEANUP(json_free) json_t *input = parse(more);
    CLEANUP(db_end) struct tx *tx = begin();
    CLEANUP(json_free) json_t *answer = NULL;
    struct reason why = {0};
    assert_int_equal(json_put_str(input, "id", id), 0);
    assert_int_equal(json_put_str(input, "nonce", nonce), 0);
    int r = build_update(tx, &platform, ACCOUNT, input, &answer, &why);
    if (r != 0)
        return r;
    if (ret_cancelled)
        *ret_cancelled = json_bool(answer, "cancelled", false);
    return db_commit(&tx);
}

static int64_t expire(void)
{
    CLEANUP(db_end) struct tx *tx = begin();
    int64_t next = 0;
    assert_int_equal(build_expire(tx, now_ms, &next), 0);
    assert_int_equal(db_commit(&tx), 0);
    return next;
}

static void test_build_goes_from_start_to_success(void **state UNUSED)
{
    char nonce[33];
    bool cancelled = true;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    assert_status(id, "IN_PROGRESS", "QUEUED");
    assert_int_equal(lease(nonce), 1);
    assert_status(id, "IN_PROGRESS", "PROVISIONING");
    now_ms += 5000;
    assert_int_equal(update(id, nonce, "{\"currentPhase\": \"BUILD\"}", &cancelled), 0);
    assert_false(cancelled);
    now_ms += 2000;
    assert_int_equal(update(id, nonce,
                            "{\"buildStatus\": \"SUCCEEDED\", \"artifacts\": {\"sha256sum\": \"ab\"}, "
                            "\"exportedEnvironmentVariables\": [{\"name\": \"V\", \"value\": \"7\"}]}",
                            NULL),
                     0);
    assert_status(id, "SUCCEEDED", "COMPLETED");
    CLEANUP(json_free) json_t *build = get(id);
    assert_int_equal(json_int(build, "endTime", 0), now_ms);
    assert_string_equal(json_string_value(json_path(build, "artifacts.sha256sum")), "ab");
    assert_string_equal(json_string_value(json_path(build, "exportedEnvironmentVariables.0.value")), "7");
    static const char *const phases[] = {"SUBMITTED", "QUEUED", "PROVISIONING", "BUILD", "COMPLETED"};
    assert_int_equal(json_array_size(json_object_get(build, "phases")), ARRAY_LEN(phases));
    for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
        const json_t *phase = json_array_get(json_object_get(build, "phases"), i);
        assert_string_equal(json_str(phase, "phaseType", ""), phases[i]);
        assert_string_equal(json_str(phase, "phaseStatus", ""), i < 4 ? "SUCCEEDED" : "");
    }
    assert_int_equal(json_integer_value(json_path(build, "phases.2.durationInSeconds")), 5);
    assert_int_equal(expire(), INT64_MAX);
}

static void test_dead_workers_build_is_offered_again_and_its_report_refused(void **state UNUSED)
{
    char first[33], second[33];
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    assert_int_equal(lease(first), 1);
    assert_int_equal(lease(second), 0);
    assert_int_equal(expire(), now_ms + CODEBUILD_LEASE_MS);
    now_ms += CODEBUILD_LEASE_MS - 1;
    assert_int_equal(update(id, first, "{}", NULL), 0);
    now_ms += CODEBUILD_LEASE_MS - 1;
    (void)expire();
    assert_int_equal(lease(second), 0);
    now_ms += 1;
    (void)expire();
    assert_status(id, "IN_PROGRESS", "QUEUED");
    assert_int_equal(update(id, first, "{\"buildStatus\": \"SUCCEEDED\"}", NULL), CODEBUILD_E_NONCE);
    assert_int_equal(lease(second), 1);
    assert_string_not_equal(first, second);
    assert_int_equal(update(id, first, "{\"buildStatus\": \"SUCCEEDED\"}", NULL), CODEBUILD_E_NONCE);
    assert_int_equal(update(id, second, "{\"buildStatus\": \"FAILED\"}", NULL), 0);
    assert_status(id, "FAILED", "COMPLETED");
}

static void test_build_whose_workers_keep_dying_is_a_fault(void **state UNUSED)
{
    char nonce[33];
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    for (int i = 0; i < CODEBUILD_MAX_ATTEMPTS; i++) {
        assert_int_equal(lease(nonce), 1);
        now_ms += CODEBUILD_LEASE_MS;
        (void)expire();
    }
    assert_int_equal(lease(nonce), 0);
    assert_status(id, "FAULT", "COMPLETED");
    CLEANUP(json_free) json_t *build = get(id);
    assert_string_equal(json_string_value(json_path(build, "phases.2.contexts.0.statusCode")), "WORKER_LOST");
}

static void test_released_build_waits_again_and_no_death_is_counted(void **state UNUSED)
{
    char nonce[33];
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    for (int i = 0; i < 2 * CODEBUILD_MAX_ATTEMPTS; i++) {
        assert_int_equal(lease(nonce), 1);
        assert_int_equal(update(id, nonce, "{\"release\": true}", NULL), 0);
        assert_status(id, "IN_PROGRESS", "QUEUED");
    }
}

static void test_stop_ends_the_build_and_tells_its_worker(void **state UNUSED)
{
    char nonce[33];
    bool cancelled = false;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    assert_int_equal(lease(nonce), 1);
    struct tx *tx = begin();
    assert_int_equal(build_stop(tx, ACCOUNT, id), 0);
    assert_int_equal(build_stop(tx, ACCOUNT, id), 0);
    assert_int_equal(build_stop(tx, "111111111111", id), CODEBUILD_E_NOT_FOUND);
    assert_int_equal(db_commit(&tx), 0);
    assert_status(id, "STOPPED", "COMPLETED");
    assert_int_equal(update(id, nonce, "{\"buildStatus\": \"SUCCEEDED\"}", &cancelled), 0);
    assert_true(cancelled);
    assert_status(id, "STOPPED", "COMPLETED");
}

static void test_timeout_counts_from_the_first_lease(void **state UNUSED)
{
    char nonce[33];
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    now_ms += 20 * MINUTE;
    (void)expire();
    assert_int_equal(lease(nonce), 1);
    for (int i = 0; i < 100; i++) {
        assert_status(id, "IN_PROGRESS", "PROVISIONING");
        assert_int_equal(update(id, nonce, "{}", NULL), 0);
        now_ms += MINUTE / 10;
        (void)expire();
    }
    assert_status(id, "TIMED_OUT", "COMPLETED");
}

static void test_build_that_nobody_takes_times_out(void **state UNUSED)
{
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    now_ms += 480 * MINUTE;
    (void)expire();
    assert_status(id, "TIMED_OUT", "COMPLETED");
}

static void test_server_that_was_down_gives_workers_a_full_lease(void **state UNUSED)
{
    char nonce[33], other[33];
    void *watch = NULL;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    assert_int_equal(lease(nonce), 1);
    now_ms += 5 * MINUTE;
    assert_int_equal(codebuild_watch_start(&platform, &watch), 0);
    codebuild_watch_stop(watch);
    assert_int_equal(expire(), now_ms + CODEBUILD_LEASE_MS);
    assert_int_equal(lease(other), 0);
    assert_int_equal(update(id, nonce, "{}", NULL), 0);
    now_ms += 5 * MINUTE;
    assert_int_equal(codebuild_watch_start(&platform, &watch), 0);
    codebuild_watch_stop(watch);
    (void)expire();
    assert_status(id, "TIMED_OUT", "COMPLETED");
}

/* The thread is told of the lease, sleeps until it runs out, and offers the build anew. */
static void test_watch_offers_a_silent_workers_build_again(void **state UNUSED)
{
    char nonce[33];
    void *watch = NULL;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_one();
    assert_int_equal(lease(nonce), 1);
    assert_int_equal(codebuild_watch_start(&platform, &watch), 0);
    wake_ticket ticket = wake_look("codebuild:waiting:" ACCOUNT);
    atomic_fetch_add(&now_ms, CODEBUILD_LEASE_MS - 20);
    wake_signal("codebuild:due");
    assert_false(wake_wait("codebuild:waiting:" ACCOUNT, ticket, clock_mono_ms() + 1));
    atomic_fetch_add(&now_ms, 20);
    assert_true(wake_wait("codebuild:waiting:" ACCOUNT, ticket, clock_mono_ms() + 20000));
    codebuild_watch_stop(watch);
    assert_status(id, "IN_PROGRESS", "QUEUED");
}

static bool wakes_watch(wake_ticket ticket)
{
    return wake_wait("codebuild:due", ticket, clock_mono_ms() + 1);
}

static void test_watch_is_woken_for_what_is_due_before_what_it_plans(void **state UNUSED)
{
    char nonce[33];
    void *watch = NULL;
    wake_ticket ticket = 0;
    bool woken = true;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    assert_int_equal(codebuild_watch_start(&platform, &watch), 0);
    int64_t deadline = clock_mono_ms() + 20000;
    while (woken &&
           clock_mono_ms() < deadline) { /* until it plans for the first; each waits as long as that */
        ticket = wake_look("codebuild:due");
        (void)start_one();
        woken = wakes_watch(ticket);
    }
    assert_false(woken);
    assert_true(lease(nonce) > 0);
    assert_true(wakes_watch(ticket));
    codebuild_watch_stop(watch);
}

static void test_overrides_are_laid_over_the_project(void **state UNUSED)
{
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    CLEANUP(json_free)
    json_t *build = start(
        "{\"projectName\": \"shop\", \"sourceLocationOverride\": \"other/x/y.zip\", \"sourceVersion\": "
        "\"v1\", "
        "\"buildspecOverride\": \"version: 0.2\\nphases: {}\", \"timeoutInMinutesOverride\": 6, "
        "\"environmentVariablesOverride\": [{\"name\": \"B\", \"value\": \"3\", \"type\": "
        "\"PARAMETER_STORE\"}, "
        "{\"name\": \"C\", \"value\": \"4\"}], \"artifactsOverride\": {\"type\": \"S3\", \"location\": "
        "\"out\", "
        "\"path\": \"/p/\", \"namespaceType\": \"BUILD_ID\", \"name\": \"n.zip\", \"packaging\": \"ZIP\"}}");
    assert_non_null(build);
    struct tx *tx = begin();
    CLEANUP(json_free) json_t *builds = NULL;
    assert_int_equal(build_lease(tx, &platform, ACCOUNT, "worker", 1, &builds), 0);
    assert_int_equal(db_commit(&tx), 0);
    const json_t *work = json_array_get(builds, 0);
    assert_string_equal(json_string_value(json_path(work, "s3Source.bucket")), "other");
    assert_string_equal(json_string_value(json_path(work, "s3Source.key")), "x/y.zip");
    assert_string_equal(json_string_value(json_path(work, "s3Source.versionId")), "v1");
    assert_string_equal(json_string_value(json_path(work, "buildspec.type")), "INLINE");
    assert_int_equal(json_int(work, "timeoutMs", 0), 6 * MINUTE);
    const char *const expected[][3] = {
        {"A", "1", "PLAINTEXT"}, {"B", "3", "PARAMETER_STORE"}, {"C", "4", "PLAINTEXT"}};
    const json_t *variables = json_path(work, "environment.environmentVariables");
    assert_int_equal(json_array_size(variables), 3);
    for (size_t i = 0; i < 3; i++) {
        const json_t *variable = json_array_get(variables, i);
        assert_string_equal(json_str(variable, "name", ""), expected[i][0]);
        assert_string_equal(json_str(variable, "value", ""), expected[i][1]);
        assert_string_equal(json_str(variable, "type", ""), expected[i][2]);
    }
    const char *key = json_string_value(json_path(work, "artifacts.key"));
    assert_true(str_glob(STR("p/*-*-4*/n.zip"), str_of(key)));
    assert_string_equal(json_string_value(json_path(work, "logs.groupName")), "/aws/codebuild/shop");
}

static void test_token_starts_one_build_only(void **state UNUSED)
{
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    CLEANUP(json_free) json_t *first = start("{\"projectName\": \"shop\", \"idempotencyToken\": \"t\"}");
    CLEANUP(json_free) json_t *again = start("{\"projectName\": \"shop\", \"idempotencyToken\": \"t\"}");
    CLEANUP(json_free) json_t *other = start("{\"projectName\": \"shop\", \"idempotencyToken\": \"u\"}");
    assert_string_equal(json_str(first, "id", "1"), json_str(again, "id", "2"));
    assert_string_not_equal(json_str(first, "id", "1"), json_str(other, "id", "1"));
    assert_int_equal(json_int(first, "buildNumber", 0), 1);
    assert_int_equal(json_int(other, "buildNumber", 0), 2);
    assert_null(start("{\"projectName\": \"shop\", \"idempotencyToken\": \"t\", \"sourceVersion\": \"v\"}"));
}

static void test_project_is_replaced_or_changed_in_parts(void **state UNUSED)
{
    assert_int_equal(put(PROJECT, PROJECT_UPDATE), CODEBUILD_E_NOT_FOUND);
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    assert_int_equal(put(PROJECT, PROJECT_CREATE), CODEBUILD_E_EXISTS);
    assert_int_equal(put("{\"name\": \"shop\", \"description\": \"d\"}", PROJECT_UPDATE), 0);
    assert_int_equal(
        put("{\"name\": \"shop\", \"serviceRole\": \"arn:aws:iam::999999999999:role/x\"}", PROJECT_UPDATE),
        CODEBUILD_E_INVALID);
    assert_int_equal(put("{\"name\": \"shop\", \"source\": {\"type\": \"NO_SOURCE\"}}", PROJECT_UPDATE),
                     CODEBUILD_E_INVALID);
    CLEANUP(json_free) json_t *project = NULL;
    struct tx *tx = begin();
    assert_int_equal(project_get(tx, &platform, ACCOUNT, "shop", &project), 0);
    assert_string_equal(json_str(project, "description", ""), "d");
    assert_int_equal(json_int(project, "timeoutInMinutes", 0), 10);
    db_end(&tx);
    assert_int_equal(put(PROJECT, PROJECT_REPLACE), 0);
    json_free(&project);
    tx = begin();
    assert_int_equal(project_get(tx, &platform, ACCOUNT, "shop", &project), 0);
    assert_null(json_object_get(project, "description"));
    assert_int_equal(project_get(tx, &platform, "111111111111", "shop", &project), CODEBUILD_E_NOT_FOUND);
    assert_int_equal(project_delete(tx, ACCOUNT, "shop"), 0);
    assert_int_equal(project_delete(tx, ACCOUNT, "shop"), CODEBUILD_E_NOT_FOUND);
    db_end(&tx);
}

/* ---- builds that are in memory while they are under way */

/* Started by the worker that takes it, as a job's is: its id in a static buffer, and its nonce. */
static const char *start_taken(char nonce[33])
{
    static char id[CODEBUILD_ID_SIZE];
    CLEANUP(json_free) json_t *input = parse("{\"projectName\": \"shop\"}");
    CLEANUP(json_free) json_t *work = NULL;
    CLEANUP(db_end) struct tx *tx = begin();
    const struct build_order order = {input, "user/dev", "worker"};
    assert_int_equal(build_start(tx, &platform, ACCOUNT, &order, NULL, &work, NULL), 0);
    assert_int_equal(db_commit(&tx), 0);
    (void)snprintf(id, sizeof(id), "%s", json_str(work, "id", ""));
    (void)snprintf(nonce, 33, "%s", json_str(work, "nonce", ""));
    return id;
}

static void update_undone(const char *id, const char *nonce, const char *more)
{
    CLEANUP(json_free) json_t *input = parse(more);
    CLEANUP(json_free) json_t *answer = NULL;
    CLEANUP(db_end) struct tx *tx = begin();
    assert_int_equal(json_put_str(input, "id", id), 0);
    assert_int_equal(json_put_str(input, "nonce", nonce), 0);
    assert_int_equal(build_update(tx, &platform, ACCOUNT, input, &answer, NULL), 0);
}

static size_t phases_of(const char *id, const char *type, const char **ret_status, int64_t *ret_seconds)
{
    CLEANUP(json_free) json_t *build = get(id);
    static char status[32];
    size_t i, found = 0;
    json_t *phase;
    json_array_foreach (json_object_get(build, "phases"), i, phase) {
        if (strcmp(json_str(phase, "phaseType", ""), type) != 0)
            continue;
        found++;
        (void)snprintf(status, sizeof(status), "%s", json_str(phase, "phaseStatus", ""));
        *ret_seconds = json_int(phase, "durationInSeconds", -1);
    }
    *ret_status = status;
    return found;
}

static void test_a_report_that_is_undone_has_not_been(void **state UNUSED)
{
    char nonce[33];
    const char *status;
    int64_t seconds = -1;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_taken(nonce);
    for (int i = 0; i < 3; i++) {
        update_undone(id, nonce, "{\"currentPhase\": \"INSTALL\"}");
        assert_status(id, "IN_PROGRESS", "PROVISIONING");
        update_undone(id, nonce, "{\"buildStatus\": \"FAILED\"}");
        assert_status(id, "IN_PROGRESS", "PROVISIONING");
    }
    assert_int_equal(update(id, nonce, "{\"currentPhase\": \"BUILD\"}", NULL), 0);
    update_undone(id, nonce, "{\"currentPhase\": \"POST_BUILD\"}");
    now_ms += 3000;
    assert_int_equal(update(id, nonce, "{\"currentPhase\": \"FINALIZING\"}", NULL), 0);
    assert_int_equal(update(id, nonce, "{\"buildStatus\": \"SUCCEEDED\"}", NULL), 0);
    assert_status(id, "SUCCEEDED", "COMPLETED");
    assert_int_equal(phases_of(id, "INSTALL", &status, &seconds), 0);
    assert_int_equal(phases_of(id, "POST_BUILD", &status, &seconds), 0);
    assert_int_equal(phases_of(id, "BUILD", &status, &seconds), 1);
    assert_string_equal(status, "SUCCEEDED");
    assert_int_equal(seconds, 3);
}

static void test_what_is_in_memory_is_what_is_stored(void **state UNUSED)
{
    char nonce[33], path[96];
    bool cancelled = true;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_taken(nonce);
    assert_int_equal(update(id, nonce, "{\"currentPhase\": \"BUILD\"}", NULL), 0);
    db_close(&db);
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    assert_int_equal(db_open(path, &db), 0);
    platform.db = db;
    assert_status(id, "IN_PROGRESS", "BUILD");
    assert_int_equal(update(id, nonce, "{}", NULL), 0);
    CLEANUP(db_end) struct tx *tx = begin();
    assert_int_equal(build_stop(tx, ACCOUNT, id), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(update(id, nonce, "{\"buildStatus\": \"SUCCEEDED\"}", &cancelled), 0);
    assert_true(cancelled);
    assert_status(id, "STOPPED", "COMPLETED");
    id = start_taken(nonce);
    assert_int_equal(update(id, "another", "{}", NULL), CODEBUILD_E_NONCE);
    now_ms += CODEBUILD_LEASE_MS;
    (void)expire();
    assert_int_equal(update(id, nonce, "{}", NULL), CODEBUILD_E_NONCE);
    assert_status(id, "IN_PROGRESS", "QUEUED");
}

static void test_the_next_build_is_the_changed_projects(void **state UNUSED)
{
    char nonce[33];
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    for (int i = 1; i < 4; i++) {
        char text[96];
        (void)start_taken(nonce);
        (void)snprintf(text, sizeof(text), "{\"name\": \"shop\", \"timeoutInMinutes\": %d}", 20 + i);
        assert_int_equal(put(text, PROJECT_UPDATE), 0);
        CLEANUP(json_free) json_t *build = get(start_taken(nonce));
        assert_int_equal(json_int(build, "timeoutInMinutes", 0), 20 + i);
    }
    struct tx *tx = begin();
    assert_int_equal(project_delete(tx, ACCOUNT, "shop"), 0);
    db_end(&tx);
    (void)start_taken(nonce); /* undone */
    tx = begin();
    assert_int_equal(project_delete(tx, ACCOUNT, "shop"), 0);
    assert_int_equal(db_commit(&tx), 0);
    assert_null(start("{\"projectName\": \"shop\"}"));
}

static void test_phases_are_taken_over_from_reports(void **state UNUSED)
{
    char nonce[33];
    const char *status;
    int64_t seconds = -1;
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    const char *id = start_taken(nonce);
    assert_int_equal(
        update(id, nonce,
               "{\"phases\": [{\"phaseType\": \"INSTALL\", \"startTime\": 1000, "
               "\"endTime\": 5000, \"phaseStatus\": \"SUCCEEDED\"}, "
               "{\"phaseType\": \"BUILD\", \"startTime\": 5000, \"phaseStatus\": \"IN_PROGRESS\"}]}",
               NULL),
        0);
    assert_int_equal(phases_of(id, "INSTALL", &status, &seconds), 1);
    assert_string_equal(status, "SUCCEEDED");
    assert_int_equal(seconds, 4);
    assert_int_equal(phases_of(id, "BUILD", &status, &seconds), 1);
    assert_string_equal(status, "");
    assert_int_equal(update(id, nonce,
                            "{\"phases\": [{\"phaseType\": \"BUILD\", \"endTime\": 7000, "
                            "\"phaseStatus\": \"FAILED\"}]}",
                            NULL),
                     0);
    assert_int_equal(phases_of(id, "BUILD", &status, &seconds), 1);
    assert_string_equal(status, "FAILED");
    assert_int_equal(seconds, 2);
}

static void test_a_repeated_start_may_leave_types_out(void **state UNUSED)
{
    static const char text[] = "{\"projectName\": \"shop\", \"idempotencyToken\": \"t\", "
                               "\"environmentVariablesOverride\": [{\"name\": \"A\", \"value\": \"3\"}]}";
    assert_int_equal(put(PROJECT, PROJECT_CREATE), 0);
    CLEANUP(json_free) json_t *first = start(text);
    CLEANUP(json_free) json_t *again = start(text);
    assert_string_equal(json_str(first, "id", "1"), json_str(again, "id", "2"));
    const json_t *variables = json_path(again, "environment.environmentVariables");
    assert_int_equal(json_array_size(variables), 2);
    assert_string_equal(json_str(json_array_get(variables, 0), "type", ""), "PLAINTEXT");
}

/* A hundred of them would take more memory than all else. */
static void test_a_long_project_is_not_kept_in_memory(void **state UNUSED)
{
    static const struct {
        int length;
        bool kept;
    } rows[] = {{10, true}, {60000, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct tx *tx = begin();
        json_t *project = parse(PROJECT), *first = NULL, *second = NULL;
        char name[16];
        (void)snprintf(name, sizeof(name), "long-%zu", i);
        json_object_set_new(project, "description", json_sprintf("%0*d", rows[i].length, 0));
        assert_int_equal(project_store_insert(tx, ACCOUNT, name, now_ms, project), 0);
        assert_int_equal(project_store_recall(tx, ACCOUNT, name, &first), 0);
        assert_int_equal(project_store_recall(tx, ACCOUNT, name, &second), 0);
        assert_true(json_equal(first, second) && json_equal(first, project));
        assert_int_equal(first == second, rows[i].kept);
        json_decref(first);
        json_decref(second);
        json_decref(project);
        db_end(&tx);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_build_goes_from_start_to_success),
        CASE(test_dead_workers_build_is_offered_again_and_its_report_refused),
        CASE(test_build_whose_workers_keep_dying_is_a_fault),
        CASE(test_released_build_waits_again_and_no_death_is_counted),
        CASE(test_stop_ends_the_build_and_tells_its_worker),
        CASE(test_timeout_counts_from_the_first_lease),
        CASE(test_build_that_nobody_takes_times_out),
        CASE(test_server_that_was_down_gives_workers_a_full_lease),
        CASE(test_watch_offers_a_silent_workers_build_again),
        CASE(test_watch_is_woken_for_what_is_due_before_what_it_plans),
        CASE(test_overrides_are_laid_over_the_project),
        CASE(test_token_starts_one_build_only),
        CASE(test_project_is_replaced_or_changed_in_parts),
        CASE(test_a_report_that_is_undone_has_not_been),
        CASE(test_what_is_in_memory_is_what_is_stored),
        CASE(test_the_next_build_is_the_changed_projects),
        CASE(test_phases_are_taken_over_from_reports),
        CASE(test_a_repeated_start_may_leave_types_out),
        CASE(test_a_long_project_is_not_kept_in_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
