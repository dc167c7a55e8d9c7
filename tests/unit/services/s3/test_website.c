/* Websites: where a request is sent, before its key is looked up and after that failed; what a configuration
 * may say. */
#include "services/s3/setting.h"
#include "services/s3/website.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const struct website_place in_path = {"http", {"h:1", 3}, "/b"};
static const struct website_place in_host = {"https", {"b.h", 3}, ""};

static json_t *parsed(const char *text)
{
    json_t *value = NULL;
    assert_int_equal(json_parse(str_of(text), &value, NULL), 0);
    return value;
}

/* The rules' answer, as "301 LOCATION"; "" where the request stays. */
static void expect(const json_t *configuration, const struct website_place *place, const char *key,
                   unsigned error, const char *expected)
{
    CLEANUP(buf_free) struct buf location = BUF_INIT(1024);
    CLEANUP(buf_free) struct buf got = BUF_INIT(1024);
    unsigned status = 0;
    int rc = website_route(configuration, place, key, error, &location, &status);
    if (rc != WEBSITE_STAYS)
        buf_printf(&got, "%u %s", status, location.ptr);
    if (strcmp(got.len ? got.ptr : "", expected) != 0)
        fail_msg("%s: %s instead of %s", key, got.len ? got.ptr : "it stays", expected);
}

static void test_rules_by_prefix_and_error(void **state)
{
    CLEANUP(json_free)
    json_t *rules = parsed(
        "{\"IndexDocument\":{\"Suffix\":\"i\"},\"RoutingRules\":["
        "{\"Condition\":{\"KeyPrefixEquals\":\"old/\"},\"Redirect\":{\"ReplaceKeyPrefixWith\":\"new/\"}},"
        "{\"Condition\":{\"KeyPrefixEquals\":\"one\"},\"Redirect\":{\"ReplaceKeyWith\":\"a b.html\","
        "\"HttpRedirectCode\":\"307\"}},"
        "{\"Condition\":{\"KeyPrefixEquals\":\"away/"
        "\"},\"Redirect\":{\"HostName\":\"w.example\",\"Protocol\":\"https\"}},"
        "{\"Condition\":{\"HttpErrorCodeReturnedEquals\":\"404\",\"KeyPrefixEquals\":\"docs/\"},"
        "\"Redirect\":{\"ReplaceKeyPrefixWith\":\"gone?\"}}]}");
    (void)state;
    expect(rules, &in_path, "old/a b", 0, "301 http://h:1/b/new/a%20b");
    expect(rules, &in_host, "old/a/b", 0, "301 https://b.h/new/a/b");
    expect(rules, &in_path, "one-more", 0, "307 http://h:1/b/a%20b.html");
    expect(rules, &in_path, "away/x", 0, "301 https://w.example/away/x");
    expect(rules, &in_path, "docs/x", 0, "");
    expect(rules, &in_path, "docs/x", 403, "");
    expect(rules, &in_path, "docs/x", 404, "301 http://h:1/b/gone%3Fx");
    expect(rules, &in_path, "old/x", 404, "");
    expect(rules, &in_path, "", 0, "");
}

static void test_a_rule_without_condition_is_for_all(void **state)
{
    CLEANUP(json_free) json_t *rules = parsed("{\"RoutingRules\":[{\"Redirect\":{\"HostName\":\"w\"}}]}");
    (void)state;
    expect(rules, &in_path, "", 0, "301 http://w/");
    expect(rules, &in_path, "k", 0, "301 http://w/k");
    expect(rules, &in_path, "k", 404, "");
}

static void test_all_requests_redirected(void **state)
{
    CLEANUP(json_free)
    json_t *all = parsed("{\"RedirectAllRequestsTo\":{\"HostName\":\"w.example\",\"Protocol\":\"https\"}}");
    CLEANUP(json_free) json_t *same = parsed("{\"RedirectAllRequestsTo\":{\"HostName\":\"w.example\"}}");
    (void)state;
    expect(all, &in_path, "a/\xc3\xbc", 0, "301 https://w.example/a/%C3%BC");
    expect(same, &in_path, "", 0, "301 http://w.example/");
}

static void test_configurations(void **state)
{
    static const struct {
        const char *document;
        int outcome;
    } rows[] = {
        {"{\"IndexDocument\":{\"Suffix\":\"index.html\"}}", 0},
        {"{}", S3_E_ARGUMENT},
        {"{\"IndexDocument\":{\"Suffix\":\"\"}}", S3_E_ARGUMENT},
        {"{\"IndexDocument\":{\"Suffix\":\"a/b\"}}", S3_E_ARGUMENT},
        {"{\"RedirectAllRequestsTo\":{\"HostName\":\"h\"}}", 0},
        {"{\"RedirectAllRequestsTo\":{\"HostName\":\"\"}}", S3_E_REQUEST},
        {"{\"RedirectAllRequestsTo\":{\"HostName\":\"h\"},\"IndexDocument\":{\"Suffix\":\"i\"}}",
         S3_E_REQUEST},
        {"{\"IndexDocument\":{\"Suffix\":\"i\"},\"RoutingRules\":[{\"Redirect\":{}}]}", S3_E_XML},
        {"{\"IndexDocument\":{\"Suffix\":\"i\"},\"RoutingRules\":[{\"Condition\":{},\"Redirect\":{"
         "\"HostName\":\"h\"}}]}",
         S3_E_REQUEST},
        {"{\"IndexDocument\":{\"Suffix\":\"i\"},\"RoutingRules\":[{\"Redirect\":{\"ReplaceKeyWith\":\"a\","
         "\"ReplaceKeyPrefixWith\":\"b\"}}]}",
         S3_E_REQUEST},
        {"{\"IndexDocument\":{\"Suffix\":\"i\"},\"RoutingRules\":[{\"Redirect\":{\"HttpRedirectCode\":"
         "\"300\"}}]}",
         S3_E_REQUEST},
        {"{\"IndexDocument\":{\"Suffix\":\"i\"},\"RoutingRules\":[{\"Redirect\":{\"HttpRedirectCode\":"
         "\"302\"},"
         "\"Condition\":{\"HttpErrorCodeReturnedEquals\":\"399\"}}]}",
         S3_E_REQUEST},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(json_free) json_t *document = parsed(rows[i].document);
        if (website_check(NULL, NULL, document, NULL) != rows[i].outcome)
            fail_msg("%s", rows[i].document);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_by_prefix_and_error),
        cmocka_unit_test(test_a_rule_without_condition_is_for_all),
        cmocka_unit_test(test_all_requests_redirected),
        cmocka_unit_test(test_configurations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
