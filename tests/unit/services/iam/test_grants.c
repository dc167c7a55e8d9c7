/* What is kept of roles for sessions: a change of a role, or its end, is not overlooked. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "services/iam/schema.h"
#include "services/iam/session.h"
#include "services/service.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ACCOUNT "222222222222"
#define HOUR_S 3600
#define TRUST                                                                                                \
    "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"*\"}," \
    " \"Action\": \"sts:AssumeRole\"}]}"

static char folder[64];
static struct db *db;
static struct tx *tx;
static const struct platform platform = {.region = "us-east-1"};

static int setup(void **state UNUSED)
{
    const struct db_schema schema = {"iam", iam_migrations, IAM_MIGRATIONS};
    const char *failed = NULL;
    char path[96];
    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-iam-XXXXXX");
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/test.db", folder);
    assert_int_equal(db_open(path, &db), 0);
    assert_int_equal(db_migrate(db, &schema, 1, &failed), 0);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(sessions_prepare(tx), 0);
    return 0;
}

static int teardown(void **state UNUSED)
{
    db_end(&tx);
    db_close(&db);
    return io_remove_tree(folder);
}

static void put(int64_t max_session_s, struct role *ret)
{
    const struct role_spec spec = {.name = "r", .trust_policy = TRUST, .max_session_s = max_session_s};
    assert_int_equal(role_put(tx, &platform, ACCOUNT, &spec, false, ret, NULL), 0);
}

static int allow(int64_t duration_s, struct session_grant *ret)
{
    const struct session_spec spec = {
        .account = ACCOUNT, .role_name = "r", .session_name = "session", .duration_s = duration_s};
    return session_allow(tx, &spec, ret, NULL);
}

static void test_a_role_that_has_changed(void **state UNUSED)
{
    struct session_grant grant;
    put(HOUR_S, NULL);
    assert_int_equal(allow(HOUR_S, &grant), 0);
    assert_int_equal(allow(2 * HOUR_S, &grant), IAM_INVALID);
    put((int64_t)2 * HOUR_S, NULL);
    assert_int_equal(allow(2 * HOUR_S, &grant), 0);
    put(HOUR_S, NULL);
    assert_int_equal(allow(2 * HOUR_S, &grant), IAM_INVALID);
}

static void test_a_role_that_is_gone(void **state UNUSED)
{
    struct session_grant grant;
    put(HOUR_S, NULL);
    assert_int_equal(allow(HOUR_S, &grant), 0);
    assert_int_equal(role_delete(tx, &platform, ACCOUNT, "r", false, NULL), 0);
    assert_int_equal(allow(HOUR_S, &grant), IAM_NO_ENTITY);
}

static void test_a_role_that_was_made_anew(void **state UNUSED)
{
    struct session_grant grant;
    struct role role;
    put(HOUR_S, NULL);
    assert_int_equal(allow(HOUR_S, &grant), 0);
    assert_int_equal(role_delete(tx, &platform, ACCOUNT, "r", false, NULL), 0);
    put(HOUR_S, &role);
    assert_int_equal(allow(HOUR_S, &grant), 0);
    assert_string_equal(grant.role_id, role.id);
}

/* It was as the undone transaction found it, and is not. */
static void test_a_change_that_was_undone(void **state UNUSED)
{
    struct session_grant grant;
    put(HOUR_S, NULL);
    assert_int_equal(db_commit(&tx), 0);
    assert_int_equal(db_begin(db, &tx), 0);
    put((int64_t)2 * HOUR_S, NULL);
    assert_int_equal(allow(2 * HOUR_S, &grant), 0);
    db_end(&tx);
    assert_int_equal(db_begin(db, &tx), 0);
    assert_int_equal(allow(2 * HOUR_S, &grant), IAM_INVALID);
}

/* Tokens outlive the program that made them: their payload stays as it is. */
static void test_what_a_token_says(void **state UNUSED)
{
    const struct session_spec spec = {.account = ACCOUNT,
                                      .role_name = "r",
                                      .session_name = "session",
                                      .duration_s = HOUR_S,
                                      .person = "an \"a\""};
    unsigned char token[IAM_TOKEN_SIZE];
    struct session session;
    struct iam_key found = {0};
    struct role role;
    char expected[512];
    size_t len = 0;
    put(HOUR_S, &role);
    assert_int_equal(session_create(tx, &spec, &session, NULL), 0);
    assert_true(base64_decode(str_of(session.session_token), token, &len));
    (void)snprintf(expected, sizeof(expected),
                   "{\"key\":\"%s\",\"account\":\"" ACCOUNT "\",\"role\":\"r\",\"id\":\"%s\","
                   "\"name\":\"session\",\"ends\":%lld,\"by\":\"an \\\"a\\\"\"}",
                   session.access_key_id, role.id, (long long)session.expires_ms);
    assert_int_equal(len, strlen(expected) + 32);
    assert_memory_equal(token, expected, len - 32);
    str_copy(found.principal.access_key_id, sizeof(found.principal.access_key_id), session.access_key_id);
    assert_int_equal(session_find(tx, session.session_token, &found), 0);
    assert_string_equal(found.secret, session.secret_access_key);
    assert_string_equal(found.principal.arn, session.arn);
    assert_string_equal(found.principal.user_id, session.assumed_role_id);
    assert_string_equal(found.principal.person, spec.person);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_what_a_token_says),        CASE(test_a_role_that_has_changed),
        CASE(test_a_role_that_is_gone),      CASE(test_a_role_that_was_made_anew),
        CASE(test_a_change_that_was_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
