/* See store_fixture.h. */
#include "store_fixture.h"
#include "base/clock.h"
#include "base/io.h"
#include "services/codepipeline/pipeline.h"
#include "services/iam/schema.h"
#include "services/s3/service.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static char folder[64];
struct db *db;
struct tx *tx;
struct platform platform = {.region = "us-east-1"};
const struct principal me = {.account = ACCOUNT, .arn = "arn:aws:iam::" ACCOUNT ":root"};
int64_t now_ms;

static int64_t test_clock(void)
{
    return now_ms;
}

int setup(void **state UNUSED)
{
    const struct db_schema schemas[] = {
        {"iam", iam_migrations, IAM_MIGRATIONS},
        {"s3", s3_service.migrations, s3_service.migration_count},
        {"codepipeline", codepipeline_migrations, CODEPIPELINE_MIGRATION_COUNT},
    };
    const char *failed = NULL;
    char path[96];
    now_ms = 1700000000000;
    clock_set(test_clock);
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-cp-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, schemas, ARRAY_LEN(schemas), &failed), 0);
    platform.db = db;
    assert_int_equal(db_begin(db, &tx), 0);
    return 0;
}

int teardown(void **state UNUSED)
{
    db_end(&tx);
    clock_set(NULL);
    db_close(&db);
    return io_remove_tree(folder);
}

json_t *describe(const struct job_leases *leases)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(SIZE_MAX);
    json_t *jobs = NULL;
    assert_int_equal(job_leases_describe(leases, NULL, &text), 0);
    assert_int_equal(json_parse(buf_str(&text), &jobs, NULL), 0);
    return jobs;
}

json_t *parse(const char *text)
{
    json_t *value = NULL;
    char copy[4096];
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *at = copy; *at; at++)
        if (*at == '\'')
            *at = '"';
    assert_int_equal(json_parse(str_of(copy), &value, NULL), 0);
    return value;
}
