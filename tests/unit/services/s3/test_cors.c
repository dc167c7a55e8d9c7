/* CORS: which rule lets a page in, and what a configuration may say. */
#include "services/s3/cors.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static json_t *parsed(const char *text)
{
    json_t *value = NULL;
    assert_int_equal(json_parse(str_of(text), &value, NULL), 0);
    return value;
}

static const char *const rules =
    "{\"CORSRule\":["
    "{\"ID\":\"one\",\"AllowedOrigin\":[\"https://a.example\"],\"AllowedMethod\":[\"PUT\",\"GET\"],"
    "\"AllowedHeader\":[\"x-amz-*\",\"Content-Type\"],\"ExposeHeader\":[\"ETag\",\"x-amz-version-id\"]},"
    "{\"ID\":\"many\",\"AllowedOrigin\":[\"http://*.b.example\"],\"AllowedMethod\":[\"GET\"]},"
    "{\"ID\":\"any\",\"AllowedOrigin\":[\"*\"],\"AllowedMethod\":[\"HEAD\"],\"AllowedHeader\":[\"*\"]}]}";

static void test_the_first_rule_that_fits(void **state)
{
    static const struct {
        const char *origin, *method, *headers, *rule;
    } rows[] = {
        {"https://a.example", "GET", NULL, "one"},
        {"https://a.example", "PUT", "X-AMZ-meta-a, content-type", "one"},
        {"https://a.example", "PUT", "x-amz-meta-a,,", "one"},
        {"https://a.example", "PUT", "authorization", NULL},
        {"https://a.example", "DELETE", NULL, NULL},
        {"https://a.example", "get", NULL, NULL},
        {"HTTPS://a.example", "GET", NULL, NULL},
        {"https://a.example:8443", "GET", NULL, NULL},
        {"http://x.b.example", "GET", NULL, "many"},
        {"http://.b.example", "GET", NULL, "many"},
        {"http://b.example", "GET", NULL, NULL},
        {"http://x.b.example.evil", "GET", NULL, NULL},
        {"http://x.b.example", "GET", "content-type", NULL},
        {"null", "HEAD", "anything, at-all", "any"},
        {"https://a.example", "HEAD", NULL, "any"},
    };
    CLEANUP(json_free) json_t *configuration = parsed(rules);
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct cors_request request = {str_of(rows[i].origin), str_of(rows[i].method),
                                             rows[i].headers ? str_of(rows[i].headers) : (struct str){0}};
        const char *found = json_str(cors_rule(configuration, &request), "ID", NULL);
        if ((found != NULL) != (rows[i].rule != NULL) || (found && strcmp(found, rows[i].rule) != 0))
            fail_msg("row %zu: %s", i, found ? found : "none");
    }
}

static void test_only_a_bare_star_is_any_origin(void **state)
{
    CLEANUP(json_free) json_t *both = parsed("{\"AllowedOrigin\":[\"http://a\",\"*\"]}");
    const struct cors_request named = {.origin = STR("http://a")}, other = {.origin = STR("http://b")};
    (void)state;
    assert_false(cors_any_origin(both, &named));
    assert_true(cors_any_origin(both, &other));
}

static void test_lists_are_headers(void **state)
{
    CLEANUP(json_free) json_t *configuration = parsed(rules);
    CLEANUP(buf_free) struct buf out = BUF_INIT(256);
    (void)state;
    cors_list(&out, json_array_get(json_object_get(configuration, "CORSRule"), 0), "ExposeHeader");
    assert_string_equal(out.ptr, "ETag, x-amz-version-id");
}

static void test_configurations(void **state)
{
    static const struct {
        const char *rule;
        int outcome;
    } rows[] = {
        {"{\"AllowedOrigin\":[\"*\"],\"AllowedMethod\":[\"GET\",\"PUT\",\"POST\",\"DELETE\",\"HEAD\"]}", 0},
        {"{\"AllowedOrigin\":[\"*\"]}", S3_E_XML},
        {"{\"AllowedMethod\":[\"GET\"]}", S3_E_XML},
        {"{\"AllowedOrigin\":[\"*\"],\"AllowedMethod\":[\"OPTIONS\"]}", S3_E_REQUEST},
        {"{\"AllowedOrigin\":[\"*\"],\"AllowedMethod\":[\"get\"]}", S3_E_REQUEST},
        {"{\"AllowedOrigin\":[\"http://*.*\"],\"AllowedMethod\":[\"GET\"]}", S3_E_REQUEST},
        {"{\"AllowedOrigin\":[\"*\"],\"AllowedMethod\":[\"GET\"],\"AllowedHeader\":[\"*-*\"]}", S3_E_REQUEST},
        {"{\"AllowedOrigin\":[\"*\"],\"AllowedMethod\":[\"GET\"],\"ExposeHeader\":[\"x-*\"]}", S3_E_REQUEST},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(json_free) json_t *document = json_pack("{s:[o]}", "CORSRule", parsed(rows[i].rule));
        if (cors_check(NULL, NULL, document, NULL) != rows[i].outcome)
            fail_msg("%s", rows[i].rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_rule_that_fits),
        cmocka_unit_test(test_only_a_bare_star_is_any_origin),
        cmocka_unit_test(test_lists_are_headers),
        cmocka_unit_test(test_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
