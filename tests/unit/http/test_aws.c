/* The AWS client against a server whose answers are written beforehand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "http/aws_client.h"
#include "scripted_server.h"
#include "wire/json.h"
#include <stdio.h>
#include <unistd.h>

#define XMLNS "http://cloudformation.amazonaws.com/doc/2010-05-15/"

struct fixture {
    struct scripted_server server;
    struct aws_client *client;
};

static void start(struct fixture *f, const struct scripted_answer *answers, size_t count)
{
    scripted_start(&f->server, answers, count);
    const struct aws_config config = {.endpoint_url = f->server.url,
                                      .region = "us-east-1",
                                      .access_key_id = "AKIDEXAMPLE",
                                      .secret_access_key = "secret",
                                      .session_token = "token"};

    assert_int_equal(aws_client_new(&config, &f->client), 0);
}

static void stop(struct fixture *f)
{
    aws_client_free(&f->client);
    scripted_stop(&f->server);
}

#define START(f, answers) start(&(f), (answers), ARRAY_LEN(answers))

static void json_operations_are_signed_and_decoded(void **state)
{
    static const struct scripted_answer answers[] = {{200, "{\"QueueUrl\":\"u\"}", {"X-Slipway-Wait", "ok"}}};
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error;
    struct fixture f;
    bool waited = false;

    (void)state;
    START(f, answers);
    assert_int_equal(aws_call_wait(f.client, "sqs", "GetQueueUrl", json_pack("{s:s}", "QueueName", "q"), 5000,
                                   &out, &waited, &error),
                     0);
    assert_string_equal(json_str(out, "QueueUrl", ""), "u");
    assert_true(waited);
    const struct scripted_request *request = &f.server.requests[0];
    assert_string_equal(request->method, "POST");
    assert_string_equal(request->target, "/");
    assert_string_equal(request->body, "{\"QueueName\":\"q\"}");
    assert_string_equal(scripted_header(request, "x-amz-target"), "AmazonSQS.GetQueueUrl");
    assert_string_equal(scripted_header(request, "content-type"), "application/x-amz-json-1.0");
    assert_string_equal(scripted_header(request, "x-slipway-wait"), "5000");
    assert_string_equal(scripted_header(request, "x-amz-security-token"), "token");
    assert_non_null(
        strstr(scripted_header(request, "authorization"),
               "SignedHeaders=content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token;"
               "x-amz-target;x-slipway-wait,"));
    stop(&f);
}

/* By libcurl, which asks all but this machine's addresses. */
static void a_name_is_asked_as_an_address_is(void **state)
{
    static const struct scripted_answer answers[] = {{200, "{\"QueueUrl\":\"u\"}", {"X-Slipway-Wait", "ok"}}};
    CLEANUP(json_free) json_t *out = NULL;
    char url[sizeof(((struct scripted_server *)0)->url) + 16];
    struct fixture f;

    (void)state;
    START(f, answers);
    const struct aws_config config = {
        .endpoint_url = url, .access_key_id = "AKIDEXAMPLE", .secret_access_key = "s"};
    (void)snprintf(url, sizeof(url), "http://localhost%s", strrchr(f.server.url, ':'));
    aws_client_free(&f.client);
    assert_int_equal(aws_client_new(&config, &f.client), 0);
    assert_int_equal(
        aws_call(f.client, "sqs", "GetQueueUrl", json_pack("{s:s}", "QueueName", "q"), &out, NULL), 0);
    assert_string_equal(json_str(out, "QueueUrl", ""), "u");
    assert_string_equal(f.server.requests[0].body, "{\"QueueName\":\"q\"}");
    stop(&f);
}

static void query_operations_flatten_lists_and_structures(void **state)
{
    static const struct scripted_answer answers[] = {
        {200, "<CreateStackResponse xmlns=\"" XMLNS "\"><CreateStackResult><StackId>arn</StackId>"
              "</CreateStackResult></CreateStackResponse>"},
        {200, "<DeleteStackResponse xmlns=\"" XMLNS "\"><ResponseMetadata><RequestId>r</RequestId>"
              "</ResponseMetadata></DeleteStackResponse>"},
    };
    CLEANUP(json_free) json_t *out = NULL, *empty = NULL;
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_int_equal(
        aws_call(f.client, "cloudformation", "CreateStack",
                 json_pack("{s:s, s:[{s:s, s:s}], s:b, s:i, s:[], s:n, s:[{s:{s:s}}]}", "StackName", "a b",
                           "Parameters", "ParameterKey", "K&", "ParameterValue", "\xc3\xa4",
                           "DisableRollback", 1, "TimeoutInMinutes", 7, "Tags", "RoleARN",
                           "ResourcesToImport", "ResourceIdentifierProperties", "BucketName", "b"),
                 &out, NULL),
        0);
    assert_string_equal(json_str(out, "StackId", ""), "arn");
    assert_string_equal(
        f.server.requests[0].body,
        "Action=CreateStack&Version=2010-05-15&StackName=a%20b&Parameters.member.1.ParameterKey=K%26"
        "&Parameters.member.1.ParameterValue=%C3%A4&DisableRollback=true&TimeoutInMinutes=7&Tags="
        "&ResourcesToImport.member.1.ResourceIdentifierProperties.entry.1.key=BucketName"
        "&ResourcesToImport.member.1.ResourceIdentifierProperties.entry.1.value=b");
    assert_int_equal(aws_call(f.client, "cloudformation", "DeleteStack", NULL, &empty, NULL), 0);
    assert_int_equal(json_object_size(empty), 0);
    stop(&f);
}

static void errors_of_all_protocols_are_read(void **state)
{
    static const struct scripted_answer answers[] = {
        {400,
         "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"gone\"}",
         {"x-amzn-RequestId", "r1"}},
        {400, "{\"Message\":\"other\"}", {"x-amzn-ErrorType", "InvalidNonceException:http://internal/"}},
        {400, "<ErrorResponse xmlns=\"" XMLNS "\"><Error><Type>Sender</Type><Code>ValidationError</Code>"
              "<Message>no &amp; never</Message></Error><RequestId>r3</RequestId></ErrorResponse>"},
        {404, "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message>no key</Message></Error>"},
        {400, "<html>proxy</html>"},
    };
    static const struct {
        const char *code;
        const char *message;
        const char *id;
    } expected[] = {{"QueueDoesNotExist", "gone", "r1"},
                    {"InvalidNonceException", "other", ""},
                    {"ValidationError", "no & never", "r3"},
                    {"NoSuchKey", "no key", ""},
                    {"BadRequest", "The request is not valid.", ""}};
    struct fixture f;

    (void)state;
    START(f, answers);
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        struct aws_error error;

        assert_int_equal(aws_call(f.client, "sqs", "SendMessage", NULL, NULL, &error), AWS_E_SERVICE);
        assert_int_equal(error.status, answers[i].status);
        assert_string_equal(error.code, expected[i].code);
        assert_string_equal(error.message, expected[i].message);
        if (expected[i].id[0])
            assert_string_equal(error.request_id, expected[i].id);
    }
    assert_int_equal(f.server.request_count, ARRAY_LEN(expected));
    stop(&f);
}

static void what_may_have_been_done_is_not_sent_again(void **state)
{
    static const struct scripted_answer answers[] = {
        {500, "{\"__type\":\"InternalFailure\"}"}, {0}, {200, "{}"}};
    struct aws_error error;
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_int_equal(aws_call(f.client, "sqs", "SendMessage", NULL, NULL, &error), AWS_E_SERVICE);
    assert_string_equal(error.code, "InternalFailure");
    assert_int_equal(aws_call(f.client, "sqs", "SendMessage", NULL, NULL, &error), AWS_E_UNREACHABLE);
    assert_int_equal(f.server.request_count, 2);
    stop(&f);
}

static void reads_are_repeated_after_lost_answers_and_server_faults(void **state)
{
    static const struct scripted_answer answers[] = {{500, "{}"}, {0}, {503, ""}, {200, "{\"a\":1}"}};
    CLEANUP(json_free) json_t *out = NULL;
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_int_equal(aws_call(f.client, "codepipeline", "GetPipelineState", NULL, &out, NULL), 0);
    assert_int_equal(json_int(out, "a", 0), 1);
    assert_int_equal(f.server.request_count, 4);
    stop(&f);
}

static void what_was_turned_away_for_load_is_repeated_always(void **state)
{
    static const struct scripted_answer answers[] = {{400, "{\"__type\":\"ThrottlingException\"}"},
                                                     {503, "{\"__type\":\"ServiceUnavailable\"}"},
                                                     {200, "{}"}};
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_int_equal(aws_call(f.client, "sqs", "SendMessage", NULL, NULL, NULL), 0);
    assert_int_equal(f.server.request_count, 3);
    stop(&f);
}

/* Waits until the server has so many requests. */
static void await_requests(struct fixture *f, size_t count)
{
    size_t seen = 0;

    while (seen < count) {
        pthread_mutex_lock(&f->server.lock);
        seen = f->server.request_count;
        pthread_mutex_unlock(&f->server.lock);
        sched_yield();
    }
}

static void what_is_sent_ahead_is_there_before_its_answer_is_asked_for(void **state)
{
    static const struct scripted_answer answers[] = {
        {200, "{}"}, {200, "{\"QueueUrl\":\"u\"}"}, {200, "bytes"}};
    const struct aws_s3_request request = {
        .method = "GET", .bucket = "b", .key = "k", .body_fd = -1, .sink_fd = -1};
    struct http_exchange exchange = {.answer = BUF_INIT(4096), .raw_headers = BUF_INIT(65536)};
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_asked *asked = NULL;
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_int_equal(aws_call(f.client, "sqs", "ListQueues", NULL, NULL, NULL),
                     0); /* there is a connection */
    assert_int_equal(aws_ask(f.client, "sqs", "GetQueueUrl", json_pack("{s:s}", "QueueName", "q"), &asked),
                     0);
    await_requests(&f, 2);
    aws_s3_ahead(f.client, &request, &exchange);
    assert_int_equal(aws_s3(f.client, &request, &exchange, NULL), 0);
    assert_true(str_eqc(buf_str(&exchange.answer), "bytes"));
    assert_int_equal(aws_answer(&asked, &out, NULL), 0);
    assert_null(asked);
    assert_string_equal(json_str(out, "QueueUrl", ""), "u");
    assert_int_equal(f.server.request_count, 3);
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    stop(&f);
}

static void what_was_lost_ahead_is_sent_again_where_that_is_safe(void **state)
{
    static const struct scripted_answer answers[] = {{.status = 0}, {500, ""}, {200, "{\"QueueUrl\":\"u\"}"}};
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_asked *asked = NULL, *dropped = NULL;
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_int_equal(aws_ask(f.client, "sqs", "GetQueueUrl", NULL, &asked), 0);
    assert_int_equal(aws_answer(&asked, &out, NULL), 0);
    assert_string_equal(json_str(out, "QueueUrl", ""), "u");
    assert_int_equal(f.server.request_count, 3);
    assert_int_equal(aws_ask(f.client, "sqs", "GetQueueUrl", NULL, &dropped), 0);
    aws_asked_free(&dropped);
    assert_int_equal(f.server.request_count, 4);
    stop(&f);
}

static void nobody_to_send_ahead_to_is_said_with_the_answer(void **state)
{
    static const struct scripted_answer answers[] = {{200, "{}"}};
    struct aws_asked *asked = NULL;
    struct aws_error error;
    struct fixture f;

    (void)state;
    START(f, answers);
    scripted_stop(&f.server);
    assert_int_equal(aws_ask(f.client, "sqs", "SendMessage", NULL, &asked), 0);
    assert_int_equal(aws_answer(&asked, NULL, &error), AWS_E_UNREACHABLE);
    assert_non_null(strstr(error.message, "Is the server running?"));
    aws_client_free(&f.client);
}

static void a_token_makes_a_start_repeatable(void **state)
{
    CLEANUP(json_free) json_t *with = json_pack("{s:s}", "clientRequestToken", "t");

    (void)state;
    assert_true(aws_operation_repeatable("StartPipelineExecution", with));
    assert_false(aws_operation_repeatable("StartPipelineExecution", NULL));
    assert_true(aws_operation_repeatable("DescribeStacks", NULL));
    assert_true(aws_operation_repeatable("PutJobSuccessResult", NULL));
    assert_false(aws_operation_repeatable("PutLogEvents", NULL));
    assert_false(aws_operation_repeatable("CreateStack", NULL));
}

static void nobody_listening_is_unreachable_with_advice(void **state)
{
    static const struct scripted_answer answers[] = {{200, "{}"}};
    struct aws_error error;
    struct fixture f;

    (void)state;
    START(f, answers);
    scripted_stop(&f.server);
    assert_int_equal(aws_call(f.client, "sqs", "SendMessage", NULL, NULL, &error), AWS_E_UNREACHABLE);
    assert_non_null(strstr(error.message, "Is the server running?"));
    assert_int_equal(error.status, 0);
    aws_client_free(&f.client);
}

static void *cancel_when_asked(void *arg)
{
    struct fixture *f = arg;
    bool asked = false;

    while (!asked) {
        pthread_mutex_lock(&f->server.lock);
        asked = f->server.request_count > 0;
        pthread_mutex_unlock(&f->server.lock);
        sched_yield();
    }
    aws_client_cancel(f->client);
    return NULL;
}

static void cancelling_ends_a_request_under_way_and_all_later_ones(void **state)
{
    static const struct scripted_answer answers[] = {{.status = 200, .hang = true}};
    struct aws_error error;
    struct fixture f;
    pthread_t thread;
    int64_t started_ms = clock_mono_ms();

    (void)state;
    START(f, answers);
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_asked, &f), 0);
    assert_int_equal(aws_call(f.client, "sqs", "ReceiveMessage", NULL, NULL, &error), AWS_E_CANCELLED);
    assert_int_equal(aws_call(f.client, "sqs", "ReceiveMessage", NULL, NULL, &error), AWS_E_CANCELLED);
    assert_true(clock_mono_ms() - started_ms < 10000);
    assert_int_equal(f.server.request_count, 1);
    pthread_join(thread, NULL);
    stop(&f);
}

static int64_t test_now_ms;

static int64_t test_clock(void)
{
    return test_now_ms;
}

#define ASSUMED(key, expires)                                                                                \
    {                                                                                                        \
        200, "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"    \
             "<Credentials><AccessKeyId>" key "</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"           \
             "<SessionToken>t</SessionToken><Expiration>" expires "</Expiration></Credentials>"              \
             "</AssumeRoleResult></AssumeRoleResponse>"                                                      \
    }

static void an_assumed_role_is_renewed_before_it_expires(void **state)
{
    static const struct scripted_answer answers[] = {ASSUMED("ASIAONE", "1970-01-01T01:00:00Z"),
                                                     {200, "{}"},
                                                     ASSUMED("ASIATWO", "1970-01-01T02:00:00Z"),
                                                     {200, "{}"}};
    struct aws_client *role = NULL;
    struct aws_error error;
    struct fixture f;

    (void)state;
    START(f, answers);
    test_now_ms = 0;
    clock_set(test_clock);
    assert_int_equal(aws_client_assume(f.client, "arn:aws:iam::111111111111:role/r", "s", &role, &error), 0);
    assert_string_equal(
        f.server.requests[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fr"
        "&RoleSessionName=s");
    assert_string_equal(aws_client_credentials(role).access_key_id, "ASIAONE");
    assert_int_equal(aws_call(role, "ssm", "GetParameter", NULL, NULL, &error), 0);
    test_now_ms = 56 * 60 * 1000; /* four minutes before its end */
    assert_int_equal(aws_call(role, "ssm", "GetParameter", NULL, NULL, &error), 0);
    assert_non_null(strstr(scripted_header(&f.server.requests[3], "authorization"), "Credential=ASIATWO/"));
    assert_string_equal(scripted_header(&f.server.requests[3], "x-amz-security-token"), "t");
    clock_set(NULL);
    aws_client_free(&f.client); /* the role's client keeps what it needs */
    aws_client_free(&role);
    scripted_stop(&f.server);
}

static void s3_keys_are_encoded_and_bodies_go_from_and_to_files(void **state)
{
    static const struct scripted_answer answers[] = {{200, ""}, {0}, {200, "content"}};
    struct http_exchange exchange = {.answer = BUF_INIT(1000), .raw_headers = BUF_INIT(65536)};
    struct aws_s3_request request = {
        .method = "PUT", .bucket = "b", .key = "a b/\xc3\xa4+.zip", .sink_fd = -1};
    FILE *file = tmpfile();
    char read_back[16] = {0};
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_true(file && fputs("artifact", file) >= 0 && fflush(file) == 0);
    request.body_fd = fileno(file);
    request.body_len = 8;
    assert_int_equal(aws_s3(f.client, &request, &exchange, NULL), 0);
    assert_string_equal(f.server.requests[0].target, "/b/a%20b/%C3%A4%2B.zip");
    assert_string_equal(f.server.requests[0].body, "artifact");
    assert_string_equal(scripted_header(&f.server.requests[0], "content-length"), "8");
    assert_string_equal(scripted_header(&f.server.requests[0], "x-amz-content-sha256"),
                        "c7c5c1d70c5dec4416ab6158afd0b223ef40c29b1dc1f97ed9428b94d4cadb1c");
    request =
        (struct aws_s3_request){.method = "GET", .bucket = "b", .key = "k", .body_fd = -1, .sink_max = 7};
    request.sink_fd = fileno(file);
    assert_int_equal(ftruncate(request.sink_fd, 0), 0);
    assert_int_equal(lseek(request.sink_fd, 0, SEEK_SET), 0);
    assert_int_equal(aws_s3(f.client, &request, &exchange, NULL), 0); /* the second go: the first was cut */
    assert_int_equal(pread(request.sink_fd, read_back, sizeof(read_back), 0), 7);
    assert_string_equal(read_back, "content");
    request.sink_max = 6;
    assert_int_equal(aws_s3(f.client, &request, &exchange, NULL), -EFBIG);
    (void)fclose(file);
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    stop(&f);
}

static void a_copy_that_fails_after_its_status_is_a_failure(void **state)
{
    static const struct scripted_answer answers[] = {
        {200, "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>late</Message></Error>"}};
    struct http_exchange exchange = {.answer = BUF_INIT(1000), .raw_headers = BUF_INIT(65536)};
    struct aws_s3_request request = {
        .method = "PUT", .bucket = "b", .key = "k", .body_fd = -1, .sink_fd = -1};
    struct aws_error error;
    struct fixture f;

    (void)state;
    START(f, answers);
    assert_int_equal(aws_s3(f.client, &request, &exchange, &error), AWS_E_SERVICE);
    assert_string_equal(error.code, "InternalError");
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    stop(&f);
}

static void write_text(char *path, const char *text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void profiles_are_read_as_the_aws_cli_reads_them(void **state)
{
    char credentials[] = "/tmp/slipway-test-XXXXXX", config[] = "/tmp/slipway-test-XXXXXX";
    struct aws_client *client = NULL;
    struct reason why = {0};

    (void)state;
    write_text(credentials,
               "# comment\n[default]\naws_access_key_id = AKIDDEFAULT\naws_secret_access_key=d\n\n"
               "[dev]\r\naws_access_key_id=AKIDDEV\r\naws_secret_access_key = v=/+ \r\n");
    write_text(config, "[profile dev]\nregion = eu-west-1\nendpoint_url = http://127.0.0.1:9/\ns3 =\n"
                       "  region = nested\n[profile other]\nregion = x\n");
    setenv("AWS_SHARED_CREDENTIALS_FILE", credentials, 1);
    setenv("AWS_CONFIG_FILE", config, 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "e", 1);
    assert_int_equal(aws_client_from_env("dev", &client, &why), 0);
    assert_string_equal(aws_client_credentials(client).access_key_id, "AKIDDEV");
    assert_string_equal(aws_client_credentials(client).secret_access_key, "v=/+");
    assert_string_equal(aws_client_region(client), "eu-west-1");
    assert_string_equal(aws_client_endpoint(client), "http://127.0.0.1:9");
    aws_client_free(&client);
    assert_int_equal(aws_client_from_env(NULL, &client, &why), 0);
    assert_string_equal(aws_client_credentials(client).access_key_id, "AKIDENV");
    assert_string_equal(aws_client_region(client), "us-east-1");
    assert_null(aws_client_endpoint(client));
    aws_client_free(&client);
    assert_int_equal(aws_client_from_env("nobody", &client, &why), AWS_E_NO_CREDENTIALS);
    assert_non_null(strstr(why.text, "\"nobody\""));
    unlink(credentials);
    unlink(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_operations_are_signed_and_decoded),
        cmocka_unit_test(a_name_is_asked_as_an_address_is),
        cmocka_unit_test(query_operations_flatten_lists_and_structures),
        cmocka_unit_test(errors_of_all_protocols_are_read),
        cmocka_unit_test(what_may_have_been_done_is_not_sent_again),
        cmocka_unit_test(reads_are_repeated_after_lost_answers_and_server_faults),
        cmocka_unit_test(what_was_turned_away_for_load_is_repeated_always),
        cmocka_unit_test(what_is_sent_ahead_is_there_before_its_answer_is_asked_for),
        cmocka_unit_test(what_was_lost_ahead_is_sent_again_where_that_is_safe),
        cmocka_unit_test(nobody_to_send_ahead_to_is_said_with_the_answer),
        cmocka_unit_test(a_token_makes_a_start_repeatable),
        cmocka_unit_test(nobody_listening_is_unreachable_with_advice),
        cmocka_unit_test(cancelling_ends_a_request_under_way_and_all_later_ones),
        cmocka_unit_test(an_assumed_role_is_renewed_before_it_expires),
        cmocka_unit_test(s3_keys_are_encoded_and_bodies_go_from_and_to_files),
        cmocka_unit_test(a_copy_that_fails_after_its_status_is_a_failure),
        cmocka_unit_test(profiles_are_read_as_the_aws_cli_reads_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
