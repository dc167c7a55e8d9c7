/* Queue policies: their form, and what a queue takes of a service that sends. */
#include "services/service.h"
#include "services/sqs/access.h"
#include "services/sqs/policy.h"
#include "wire/json.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define ARN "arn:aws:sqs:us-east-1:222222222222:q"
#define BUCKET "arn:aws:s3:::b"
/* A statement's members, as a policy. */
#define POLICY(members) "{\"Version\":\"2012-10-17\",\"Statement\":[{" members "}]}"
#define ALLOW "\"Effect\":\"Allow\","
#define DENY "\"Effect\":\"Deny\","
#define ALL "\"Principal\":\"*\","
#define S3 "\"Principal\":{\"Service\":\"s3.amazonaws.com\"},"
#define SEND "\"Action\":\"sqs:SendMessage\","
#define QUEUE "\"Resource\":\"" ARN "\""
#define IF(operator, key, value) ",\"Condition\":{\"" operator"\":{\"" key "\":\"" value "\"}}"

static void test_form(void **state)
{
    static const struct {
        const char *policy;
        int outcome;
    } rows[] = {
        {POLICY(ALLOW ALL SEND QUEUE), 0},
        {"{\"Statement\":{" ALLOW S3 SEND QUEUE "}}", 0},
        {POLICY(ALLOW ALL "\"Action\":\"*\"," QUEUE), 0},
        {POLICY(ALLOW ALL "\"NotAction\":\"SQS:DeleteQueue\"," QUEUE), 0},
        {POLICY(ALLOW "\"NotPrincipal\":{\"AWS\":\"111122223333\"}," SEND QUEUE), 0},
        {POLICY(ALLOW ALL SEND "\"Resource\":\"*\""), 0},
        {POLICY(ALLOW ALL SEND QUEUE IF("ArnLike", "aws:SourceArn", "x")), 0},
        {"", SQS_E_ATTRIBUTE_VALUE},
        {"{\"Statement\":[]}", SQS_E_ATTRIBUTE_VALUE},
        {"{\"Statement\":[7]}", SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW ALL SEND "\"Sid\":\"no resource\""), SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW ALL "\"Action\":\"sqs:\"," QUEUE), SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW ALL "\"Action\":\"s3:PutObject\"," QUEUE), SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW "\"Principal\":{\"AWS\":\"somebody\"}," SEND QUEUE), SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW ALL SEND QUEUE IF("ArnAlike", "aws:SourceArn", "x")), SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW ALL SEND QUEUE IF("StringLike", "s3:prefix", "x")), SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW ALL SEND QUEUE ",\"Conditions\":{}"), SQS_E_ATTRIBUTE_VALUE},
        {"{\"version\":\"2012-10-17\",\"Statement\":{" ALLOW S3 SEND QUEUE "}}", SQS_E_ATTRIBUTE_VALUE},
        {POLICY(ALLOW ALL "\"Action\":[\"sqs:A*\",\"sqs:C*\",\"sqs:D*\",\"sqs:G*\",\"sqs:L*\",\"sqs:R*\","
                          "\"sqs:S*\",\"sqs:T*\"]," QUEUE),
         SQS_E_OVER_LIMIT},
        {POLICY(DENY ALL "\"Action\":\"sqs:SendMesage\"," QUEUE), SQS_E_ATTRIBUTE_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (queue_policy_check(rows[i].policy, NULL) != rows[i].outcome)
            fail_msg("%s", rows[i].policy);
}

static int admit(const char *policy, const struct sender *sender)
{
    static const struct platform platform = {
        .region = "us-east-1", .endpoint = "http://127.0.0.1", .shared_account = "111111111111"};
    CLEANUP(json_free) json_t *attributes = json_pack("{s:s*}", "Policy", policy);
    const struct queue queue = {.account = "222222222222", .name = "q", .attributes = attributes};
    return queue_admit(&platform, &queue, sender, NULL);
}

static void test_what_a_queue_takes(void **state)
{
    static const struct sender own = {"s3.amazonaws.com", BUCKET, "222222222222", false};
    static const struct sender fresh = {"s3.amazonaws.com", BUCKET, "222222222222", true};
    static const struct sender other = {"s3.amazonaws.com", BUCKET, "333333333333", false};
    static const struct {
        const char *policy; /* NULL: none */
        bool of_own, of_fresh, of_other;
    } rows[] = {
        {NULL, true, false, false},
        {"", true, false, false},
        {"what was taken for a policy", false, false, false},
        {POLICY(ALLOW S3 SEND QUEUE), true, true, true},
        {POLICY(ALLOW ALL SEND QUEUE), true, true, true},
        {POLICY(ALLOW "\"Principal\":{\"AWS\":\"222222222222\"}," SEND QUEUE), false, false, false},
        {POLICY(ALLOW "\"Principal\":{\"Service\":\"sns.amazonaws.com\"}," SEND QUEUE), false, false, false},
        {POLICY(ALLOW "\"NotPrincipal\":{\"Service\":\"s3.amazonaws.com\"}," SEND QUEUE), false, false,
         false},
        {POLICY(ALLOW S3 "\"Action\":\"sqs:ReceiveMessage\"," QUEUE), false, false, false},
        {POLICY(ALLOW S3 SEND "\"Resource\":\"" ARN "2\""), false, false, false},
        {POLICY(ALLOW S3 SEND QUEUE IF("StringEquals", "aws:SourceAccount", "333333333333")), false, false,
         true},
        {POLICY(ALLOW S3 SEND QUEUE IF("ArnEquals", "aws:SourceArn", BUCKET)), true, true, true},
        {POLICY(ALLOW S3 SEND QUEUE IF("ArnEquals", "aws:SourceArn", BUCKET "2")), false, false, false},
        {POLICY(ALLOW S3 SEND QUEUE IF("IpAddress", "aws:SourceIp", "127.0.0.0/8")), false, false, false},
        {POLICY(ALLOW S3 SEND QUEUE
                "},{" DENY ALL SEND QUEUE IF("StringNotEquals", "aws:SourceAccount", "222222222222")),
         true, true, false},
        {POLICY(ALLOW S3 SEND QUEUE "},{" DENY ALL SEND QUEUE IF("Bool", "aws:SecureTransport", "false")),
         true, true, true},
        {POLICY(ALLOW S3 SEND QUEUE
                "},{" DENY ALL SEND QUEUE IF("BoolIfExists", "aws:PrincipalIsAWSService", "false")),
         true, true, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if ((admit(rows[i].policy, &own) == 0) != rows[i].of_own ||
            (admit(rows[i].policy, &fresh) == 0) != rows[i].of_fresh ||
            (admit(rows[i].policy, &other) == 0) != rows[i].of_other)
            fail_msg("%s", rows[i].policy ? rows[i].policy : "(none)");
    assert_int_equal(admit(NULL, &other), SQS_E_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form),
        cmocka_unit_test(test_what_a_queue_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
