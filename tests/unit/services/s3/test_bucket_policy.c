/* Bucket policies: their form, what makes a bucket public, and what they say of requests. */
#include "services/s3/bucket_policy.h"
#include "services/iam/evaluate.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define ARN "arn:aws:s3:::b"
/* A statement's members, as a policy. */
#define POLICY(members) "{\"Version\":\"2012-10-17\",\"Statement\":[{" members "}]}"
#define ALLOW "\"Effect\":\"Allow\","
#define ALL "\"Principal\":\"*\","
#define READ "\"Action\":\"s3:GetObject\","
#define OBJECTS "\"Resource\":\"" ARN "/*\""
#define WHEN(key) ",\"Condition\":{\"StringEquals\":{\"" key "\":\"1\"}}"

static json_t *parsed(const char *text)
{
    json_t *value = NULL;
    assert_int_equal(json_parse(str_of(text), &value, NULL), 0);
    return value;
}

static void test_form(void **state)
{
    static const struct {
        const char *policy;
        bool good;
    } rows[] = {
        {POLICY(ALLOW ALL READ OBJECTS), true},
        {"{\"Statement\":{" ALLOW ALL READ OBJECTS "}}", true},
        {"{\"Version\":\"2013-01-01\",\"Statement\":{" ALLOW ALL READ OBJECTS "}}", false},
        {"{\"Version\":\"2012-10-17\"}", false},
        {"[]", false},
        {POLICY(ALL READ OBJECTS), false},
        {POLICY("\"Effect\":\"allow\"," ALL READ OBJECTS), false},
        {POLICY(ALLOW READ OBJECTS), false},
        {POLICY(ALLOW ALL OBJECTS), false},
        {POLICY(ALLOW ALL "\"Action\":\"s3:GetObject\""), false},
        {POLICY(ALLOW ALL "\"Action\":\"sqs:SendMessage\"," OBJECTS), false},
        {POLICY(ALLOW ALL "\"Action\":[]," OBJECTS), false},
        {POLICY(ALLOW ALL "\"Action\":\"s3:*\",\"NotAction\":\"s3:Get*\"," OBJECTS), false},
        {POLICY(ALLOW ALL "\"NotAction\":\"s3:Get*\"," OBJECTS), true},
        {POLICY(ALLOW ALL READ "\"Resource\":\"" ARN "\""), false},
        {POLICY(ALLOW ALL READ "\"Resource\":[\"" ARN "\",\"" ARN "/*\"]"), true},
        {POLICY(ALLOW ALL READ "\"Resource\":\"" ARN "*\""), true},
        {POLICY(ALLOW ALL READ "\"NotResource\":\"" ARN "\""), true},
        {POLICY(ALLOW ALL "\"Action\":\"s3:ListBucket\"," OBJECTS), false},
        {POLICY(ALLOW ALL "\"Action\":\"s3:ListBucket\",\"Resource\":\"" ARN "\""), true},
        {POLICY(ALLOW ALL "\"Action\":[\"s3:GetObject\",\"s3:getBucketPolicy\"]," OBJECTS), false},
        {POLICY(ALLOW ALL "\"Action\":\"s3:*\"," OBJECTS), true},
        {POLICY(ALLOW ALL "\"Action\":\"s3:List*\"," OBJECTS), true},
        {POLICY(ALLOW ALL READ "\"Resource\":\"" ARN "c/*\""), false},
        {POLICY(ALLOW ALL READ "\"Resource\":\"*\""), false},
        {POLICY(ALLOW ALL READ "\"Resource\":[\"*\",\"" ARN "/*\"]"), false},
        {POLICY(ALLOW "\"NotPrincipal\":{\"AWS\":\"111122223333\"}," READ OBJECTS), false},
        {POLICY("\"Effect\":\"Deny\",\"NotPrincipal\":{\"AWS\":\"111122223333\"}," READ OBJECTS), true},
        {POLICY(ALLOW ALL READ OBJECTS WHEN("s3:prefix")), false},
        {POLICY(ALLOW ALL READ OBJECTS WHEN("s3:ExistingObjectTag/a")), true},
        {POLICY(ALLOW ALL "\"Action\":\"s3:PutObject\"," OBJECTS WHEN("s3:ExistingObjectTag/a")), false},
        {POLICY(ALLOW ALL "\"Action\":\"s3:ListBucket\",\"Resource\":\"" ARN "\"" WHEN("S3:Prefix")), true},
        {POLICY(ALLOW ALL "\"Action\":[\"s3:ListBucket\",\"s3:GetObject\"],\"Resource\":[\"" ARN "\",\"" ARN
                          "/*\"]" WHEN("s3:max-keys")),
         false},
        {POLICY(ALLOW ALL "\"Action\":\"s3:*\"," OBJECTS WHEN("s3:prefix")), true},
        {POLICY(ALLOW ALL READ "\"Resource\":\"arn:aws:s3:::*/k\""), true},
        {POLICY(ALLOW ALL READ "\"Resource\":\"arn:aws:s3:::other/*\""), false},
        {POLICY(ALLOW "\"Principal\":{\"AWS\":\"111122223333\"}," READ OBJECTS), true},
        {POLICY(ALLOW "\"Principal\":{\"AWS\":[\"arn:aws:iam::111122223333:root\",\"*\"]}," READ OBJECTS),
         true},
        {POLICY(ALLOW "\"Principal\":{\"AWS\":\"somebody\"}," READ OBJECTS), false},
        {POLICY(ALLOW "\"Principal\":{\"Nobody\":\"*\"}," READ OBJECTS), false},
        {POLICY(ALLOW "\"Principal\":\"111122223333\"," READ OBJECTS), false},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"StringEquals\":{\"aws:PrincipalArn\":\"x\"}}"),
         true},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"StringAlike\":{\"aws:PrincipalArn\":\"x\"}}"),
         false},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"StringEquals\":{\"ec2:Region\":\"x\"}}"), false},
    };
    const struct bucket bucket = {.name = "b"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(json_free) json_t *policy = parsed(rows[i].policy);
        if (bucket_policy_check(&bucket, policy, NULL) != (rows[i].good ? 0 : S3_E_POLICY_FORM))
            fail_msg("%s", rows[i].policy);
    }
}

static void test_public(void **state)
{
    static const struct {
        const char *policy;
        bool is;
    } rows[] = {
        {POLICY(ALLOW ALL READ OBJECTS), true},
        {POLICY("\"Effect\":\"Deny\"," ALL READ OBJECTS), false},
        {POLICY(ALLOW "\"Principal\":{\"AWS\":\"*\"}," READ OBJECTS), true},
        {POLICY(ALLOW "\"Principal\":{\"AWS\":\"111122223333\"}," READ OBJECTS), false},
        {POLICY(ALLOW "\"NotPrincipal\":{\"AWS\":\"111122223333\"}," READ OBJECTS), true},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}"),
         false},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"IpAddress\":{\"aws:SourceIp\":\"0.0.0.0/1\"}}"),
         true},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"NotIpAddress\":{\"aws:SourceIp\":\"10.0.0.0/8\"}}"),
         true},
        {POLICY(ALLOW ALL READ OBJECTS
                ",\"Condition\":{\"StringEquals\":{\"aws:PrincipalAccount\":\"111122223333\"}}"),
         false},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"StringLike\":{\"aws:PrincipalAccount\":\"1*\"}}"),
         true},
        {POLICY(ALLOW ALL READ OBJECTS
                ",\"Condition\":{\"StringEqualsIfExists\":{\"aws:PrincipalAccount\":\"1\"}}"),
         true},
        {POLICY(ALLOW ALL READ OBJECTS ",\"Condition\":{\"StringEquals\":{\"aws:UserAgent\":\"me\"}}"), true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(json_free) json_t *policy = parsed(rows[i].policy);
        if (bucket_policy_public(policy) != rows[i].is)
            fail_msg("%s", rows[i].policy);
    }
}

/* ---- at work */

/* `ctx` is an object of the request's condition keys; their values are texts, or lists of them. */
static size_t context(void *ctx, const char *key, struct str ret[POLICY_VALUES_MAX])
{
    const json_t *value = json_object_get(ctx, key);
    size_t count = json_array_size(value);
    if (json_is_string(value)) {
        ret[0] = str_of(json_string_value(value));
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        ret[i] = str_of(json_string_value(json_array_get(value, i)));
    return count;
}

static const struct principal someone = {
    .account = "111122223333", .arn = "arn:aws:iam::111122223333:user/ci", .user_id = "AIDA1"};

struct asked {
    const char *policy;
    const char *keys;
    const char *action;
    const char *resource;
    enum policy_verdict verdict;
};

static void expect(const struct asked *asked, const struct principal *caller)
{
    CLEANUP(json_free) json_t *policy = parsed(asked->policy);
    CLEANUP(json_free) json_t *keys = parsed(asked->keys);
    const struct policy_request request = {.caller = caller,
                                           .action = asked->action,
                                           .resource = asked->resource,
                                           .context = context,
                                           .ctx = keys};
    if (policy_evaluate(policy, &request) != asked->verdict)
        fail_msg("%s on %s of %s", asked->policy, asked->action, asked->resource);
}

static void test_actions_resources_and_denials(void **state)
{
    static const struct asked rows[] = {
        {POLICY(ALLOW ALL READ OBJECTS), "{}", "s3:GetObject", ARN "/k", POLICY_ALLOWS},
        {POLICY(ALLOW ALL READ OBJECTS), "{}", "s3:getobject", ARN "/k", POLICY_ALLOWS},
        {POLICY(ALLOW ALL READ OBJECTS), "{}", "s3:GetObject", ARN, POLICY_SILENT},
        {POLICY(ALLOW ALL READ OBJECTS), "{}", "s3:PutObject", ARN "/k", POLICY_SILENT},
        {POLICY(ALLOW ALL "\"Action\":[\"s3:Put*\",\"s3:Get?bject\"]," OBJECTS), "{}", "s3:GetObject",
         ARN "/k", POLICY_ALLOWS},
        {POLICY(ALLOW ALL "\"NotAction\":\"s3:Get*\"," OBJECTS), "{}", "s3:GetObject", ARN "/k",
         POLICY_SILENT},
        {POLICY(ALLOW ALL "\"NotAction\":\"s3:Get*\"," OBJECTS), "{}", "s3:PutObject", ARN "/k",
         POLICY_ALLOWS},
        {POLICY(ALLOW ALL READ "\"Resource\":\"" ARN "/a/*/z\""), "{}", "s3:GetObject", ARN "/a/b/c/z",
         POLICY_ALLOWS},
        {POLICY(ALLOW ALL READ "\"Resource\":\"" ARN "/A\""), "{}", "s3:GetObject", ARN "/a", POLICY_SILENT},
        {POLICY(ALLOW ALL READ "\"NotResource\":\"" ARN "/a\""), "{}", "s3:GetObject", ARN "/b",
         POLICY_ALLOWS},
        {POLICY(ALLOW ALL READ OBJECTS "},{\"Effect\":\"Deny\"," ALL READ "\"Resource\":\"" ARN "/secret*\""),
         "{}", "s3:GetObject", ARN "/secret", POLICY_DENIES},
        {POLICY("\"Effect\":\"Deny\"," ALL READ OBJECTS "},"
                "{" ALLOW ALL READ OBJECTS),
         "{}", "s3:GetObject", ARN "/k", POLICY_DENIES},
        {POLICY(ALLOW READ OBJECTS), "{}", "s3:GetObject", ARN "/k", POLICY_SILENT},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect(&rows[i], &someone);
}

static void test_principals(void **state)
{
    static const struct {
        const char *principal;
        enum policy_verdict signed_, unsigned_;
    } rows[] = {
        {"\"Principal\":\"*\"", POLICY_ALLOWS, POLICY_ALLOWS},
        {"\"Principal\":{\"AWS\":\"*\"}", POLICY_ALLOWS, POLICY_ALLOWS},
        {"\"Principal\":{\"AWS\":\"111122223333\"}", POLICY_ALLOWS, POLICY_SILENT},
        {"\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:root\"}", POLICY_ALLOWS, POLICY_SILENT},
        {"\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:user/ci\"}", POLICY_ALLOWS, POLICY_SILENT},
        {"\"Principal\":{\"AWS\":\"arn:aws:iam::111122223333:user/other\"}", POLICY_SILENT, POLICY_SILENT},
        {"\"Principal\":{\"AWS\":\"999999999999\"}", POLICY_SILENT, POLICY_SILENT},
        {"\"NotPrincipal\":{\"AWS\":\"arn:aws:iam::111122223333:user/ci\"}", POLICY_SILENT, POLICY_ALLOWS},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf policy = BUF_INIT(1024);
        buf_printf(&policy, "{\"Version\":\"2012-10-17\",\"Statement\":{" ALLOW "%s," READ OBJECTS "}}",
                   rows[i].principal);
        struct asked asked = {policy.ptr, "{}", "s3:GetObject", ARN "/k", rows[i].signed_};
        expect(&asked, &someone);
        asked.verdict = rows[i].unsigned_;
        expect(&asked, NULL);
    }
}

static void test_conditions(void **state)
{
    static const struct {
        const char *condition;
        const char *keys;
        bool holds;
    } rows[] = {
        {"\"StringEquals\":{\"s3:prefix\":[\"a\",\"b\"]}", "{\"s3:prefix\":\"b\"}", true},
        {"\"StringEquals\":{\"s3:prefix\":\"a\"}", "{\"s3:prefix\":\"A\"}", false},
        {"\"StringEquals\":{\"s3:prefix\":\"a\"}", "{}", false},
        {"\"StringEqualsIfExists\":{\"s3:prefix\":\"a\"}", "{}", true},
        {"\"StringEqualsIgnoreCase\":{\"s3:prefix\":\"a\"}", "{\"s3:prefix\":\"A\"}", true},
        {"\"StringNotEquals\":{\"s3:prefix\":\"a\"}", "{}", true},
        {"\"StringNotEquals\":{\"s3:prefix\":[\"a\",\"b\"]}", "{\"s3:prefix\":\"b\"}", false},
        {"\"StringLike\":{\"s3:prefix\":\"home/${aws:username}/*\"}",
         "{\"s3:prefix\":\"home/ci/x\",\"aws:username\":\"ci\"}", true},
        {"\"StringLike\":{\"s3:prefix\":\"home/${aws:username}/*\"}", "{\"s3:prefix\":\"home/ci/x\"}", false},
        {"\"StringNotLike\":{\"s3:prefix\":\"a*\"}", "{\"s3:prefix\":\"abc\"}", false},
        {"\"NumericLessThanEquals\":{\"s3:max-keys\":\"10\"}", "{\"s3:max-keys\":\"10\"}", true},
        {"\"NumericLessThan\":{\"s3:max-keys\":\"10\"}", "{\"s3:max-keys\":\"10\"}", false},
        {"\"NumericLessThan\":{\"s3:max-keys\":\"10\"}", "{\"s3:max-keys\":\"ten\"}", false},
        {"\"NumericLessThanEquals\":{\"s3:max-keys\":\"10\"}", "{\"s3:max-keys\":\"nan\"}", false},
        {"\"NumericEquals\":{\"s3:max-keys\":\"10\"}", "{\"s3:max-keys\":\"nan\"}", false},
        {"\"Bool\":{\"aws:SecureTransport\":\"false\"}", "{\"aws:SecureTransport\":\"false\"}", true},
        {"\"Bool\":{\"aws:SecureTransport\":false}", "{\"aws:SecureTransport\":\"true\"}", false},
        {"\"Null\":{\"s3:prefix\":\"true\"}", "{}", true},
        {"\"Null\":{\"s3:prefix\":\"false\"}", "{}", false},
        {"\"IpAddress\":{\"aws:SourceIp\":\"10.1.0.0/16\"}", "{\"aws:SourceIp\":\"10.1.255.1\"}", true},
        {"\"IpAddress\":{\"aws:SourceIp\":\"10.1.0.0/16\"}", "{\"aws:SourceIp\":\"10.2.0.1\"}", false},
        {"\"IpAddress\":{\"aws:SourceIp\":\"2001:db8::/32\"}", "{\"aws:SourceIp\":\"2001:db8:1::1\"}", true},
        {"\"NotIpAddress\":{\"aws:SourceIp\":\"10.1.0.0/16\"}", "{\"aws:SourceIp\":\"10.2.0.1\"}", true},
        {"\"DateGreaterThan\":{\"aws:CurrentTime\":\"2026-01-01T00:00:00Z\"}",
         "{\"aws:CurrentTime\":\"2026-06-01T00:00:00Z\"}", true},
        {"\"DateLessThan\":{\"aws:CurrentTime\":\"2026-01-01T00:00:00Z\"}",
         "{\"aws:CurrentTime\":\"2026-06-01T00:00:00Z\"}", false},
        {"\"ArnLike\":{\"aws:PrincipalArn\":\"arn:aws:iam::*:user/c?\"}",
         "{\"aws:PrincipalArn\":\"arn:aws:iam::111122223333:user/ci\"}", true},
        {"\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"a\",\"b\"]}",
         "{\"s3:RequestObjectTagKeys\":[\"a\",\"b\"]}", true},
        {"\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"a\",\"b\"]}",
         "{\"s3:RequestObjectTagKeys\":[\"a\",\"c\"]}", false},
        {"\"ForAllValues:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"a\"]}", "{}", true},
        {"\"ForAnyValue:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"a\"]}",
         "{\"s3:RequestObjectTagKeys\":[\"c\",\"a\"]}", true},
        {"\"ForAnyValue:StringEquals\":{\"s3:RequestObjectTagKeys\":[\"a\"]}", "{}", false},
        {"\"StringEquals\":{\"s3:prefix\":\"a\",\"s3:delimiter\":\"/\"}", "{\"s3:prefix\":\"a\"}", false},
        {"\"StringEquals\":{\"s3:prefix\":\"a\"},\"Bool\":{\"aws:SecureTransport\":\"true\"}",
         "{\"s3:prefix\":\"a\",\"aws:SecureTransport\":\"true\"}", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP(buf_free) struct buf policy = BUF_INIT(2048);
        buf_printf(&policy,
                   "{\"Version\":\"2012-10-17\",\"Statement\":{" ALLOW ALL READ OBJECTS
                   ",\"Condition\":{%s}}}",
                   rows[i].condition);
        const struct asked asked = {policy.ptr, rows[i].keys, "s3:GetObject", ARN "/k",
                                    rows[i].holds ? POLICY_ALLOWS : POLICY_SILENT};
        expect(&asked, &someone);
    }
}

/* Whichever other was read in between, of this bucket or of one that has its place. */
static void test_a_policy_is_read_as_it_is_now(void **state)
{
    struct bucket bucket = {0};
    json_t *none = NULL;
    (void)state;
    for (int i = 0; i < 360; i++) {
        CLEANUP(json_free) json_t *policy = NULL;
        CLEANUP(json_free) json_t *again = NULL;
        (void)snprintf(bucket.name, sizeof(bucket.name), "b%d", i / 2 % 90);
        bucket.policy = i % 2 ? "{\"Version\":\"two\"}" : "{\"Version\":\"one\"}";
        assert_int_equal(bucket_policy_read(&bucket, &policy), 0);
        assert_string_equal(json_str(policy, "Version", ""), i % 2 ? "two" : "one");
        assert_int_equal(bucket_policy_read(&bucket, &again), 0);
        assert_ptr_equal(again, policy);
    }
    bucket.policy = "{";
    for (int i = 0; i < 2; i++)
        assert_true(bucket_policy_read(&bucket, &none) < 0 && !none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_public),
        cmocka_unit_test(test_actions_resources_and_denials),
        cmocka_unit_test(test_principals),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_a_policy_is_read_as_it_is_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
