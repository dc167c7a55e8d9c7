/* What changes between a poll's look and its wait ends the poll at once: a house serves a poll, whose own
 * thread makes the change at just that place and sees it acknowledged before it goes on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/io.h"
#include "http/aws.h"
#include "services/accounts_file.h"
#include "services/house.h"
#include "wire/json.h"
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define ACCOUNT "222222222222"
#define WAIT_MS 20000 /* of a poll that misses its change */
#define AT_ONCE_MS (WAIT_MS / 2)
#define HUNG_S 120

#define QUEUE "\"QueueUrl\": \"http://127.0.0.1/" ACCOUNT "/q\""
#define STREAM "\"logGroupName\": \"g\", \"logStreamName\": \"s\""
#define ROLE "\"arn:aws:iam::" ACCOUNT ":role/slipway-deploy\""
#define NO_ARTIFACTS "{\"type\": \"NO_ARTIFACTS\"}"
#define PROJECT                                                                                              \
    "{\"name\": \"bb\", \"serviceRole\": " ROLE ", \"artifacts\": " NO_ARTIFACTS ", \"source\": {"           \
    "\"type\": \"NO_SOURCE\", \"buildspec\": \"version: 0.2\\nphases:\\n  build:\\n    commands: [x]\\n\"}," \
    " \"environment\": {\"type\": \"LINUX_CONTAINER\", \"image\": \"i\", \"computeType\": "                  \
    "\"BUILD_GENERAL1_SMALL\"}}"
#define PIPELINE                                                                                             \
    "{\"pipeline\": {\"name\": \"p\", \"roleArn\": " ROLE ", \"artifactStore\": {\"type\": \"S3\","          \
    " \"location\": \"store-bucket\"}, \"stages\": [{\"name\": \"Source\", \"actions\": [{\"name\": \"S\","  \
    " \"actionTypeId\": {\"category\": \"Source\", \"owner\": \"AWS\", \"provider\": \"S3\","                \
    " \"version\": \"1\"}, \"outputArtifacts\": [{\"name\": \"App\"}], \"configuration\": {\"S3Bucket\":"    \
    " \"artifacts\", \"S3ObjectKey\": \"k\"}}]}, {\"name\": \"Ask\", \"actions\": [{\"name\": \"A\","        \
    " \"actionTypeId\": {\"category\": \"Approval\", \"owner\": \"AWS\", \"provider\": \"Manual\","          \
    " \"version\": \"1\"}}]}]}}"

struct request {
    const char *service;
    const char *operation;
    const char *in; /* JSON */
};

/* Operations that look in different ways: by the handler's transaction, by a look of their own, waiting for
 * commits or not. */
static const struct poll {
    struct request before[2];
    struct request poll;
    struct request change;
    const char *news; /* a path into the poll's answer */
} polls[] = {
    {{{"sqs", "CreateQueue", "{\"QueueName\": \"q\"}"}},
     {"sqs", "ReceiveMessage", "{" QUEUE ", \"WaitTimeSeconds\": 20}"},
     {"sqs", "SendMessage", "{" QUEUE ", \"MessageBody\": \"news\"}"},
     "Messages.0"},
    {{{"logs", "CreateLogGroup", "{\"logGroupName\": \"g\"}"}, {"logs", "CreateLogStream", "{" STREAM "}"}},
     {"logs", "GetLogEvents", "{" STREAM ", \"startFromHead\": true}"},
     {"logs", "PutLogEvents", "{" STREAM ", \"logEvents\": [{\"timestamp\": NOW, \"message\": \"news\"}]}"},
     "events.0"},
    {{{"codebuild", "CreateProject", PROJECT}},
     {"codebuild", "PollForBuilds", "{\"workerId\": \"w\", \"waitMs\": 20000}"},
     {"codebuild", "StartBuild", "{\"projectName\": \"bb\"}"},
     "builds.0"},
    {{{"codepipeline", "CreatePipeline", PIPELINE}},
     {"codepipeline", "PollForAccountJobs", "{\"workerId\": \"w\", \"waitMs\": 20000}"},
     {"codepipeline", "StartPipelineExecution", "{\"name\": \"p\"}"},
     "jobs.0"},
};

enum place { NOWHERE, BEHIND_THE_LOOK, BEFORE_THE_WAIT };

static struct house *house;
static struct aws_client *client;
static char folder[64];
static const struct request *change; /* to be made at `place` */
static _Atomic int place;
static atomic_int changes;

/* ---- requests */

/* NOW in the text is the time. */
static json_t *input(const char *text)
{
    const char *now = strstr(text, "NOW");
    char buffer[2048];
    json_t *in = NULL;

    (void)snprintf(buffer, sizeof(buffer), "%.*s%lld%s", now ? (int)(now - text) : 0, text,
                   (long long)clock_now_ms(), now ? now + 3 : "");
    assert_int_equal(json_parse(str_of(now ? buffer : text), &in, NULL), 0);
    return in;
}

static json_t *call(const struct request *request)
{
    struct aws_error error = {0};
    json_t *out = NULL;
    int r = aws_call_wait(client, request->service, request->operation, input(request->in), WAIT_MS, &out,
                          NULL, &error);

    if (r)
        print_error("%s: %s %s\n", request->operation, error.code, error.message);
    assert_int_equal(r, 0);
    return out;
}

/* ---- the places */

static void change_at(enum place here)
{
    int expected = here;

    if (!atomic_compare_exchange_strong(&place, &expected, NOWHERE))
        return;
    json_decref(call(change));
    atomic_fetch_add(&changes, 1);
}

int __wrap_call_wait(struct call *c, int64_t max_ms, const char *topic);
int __real_call_wait(struct call *c, int64_t max_ms, const char *topic);

int __wrap_call_wait(struct call *c, int64_t max_ms, const char *topic)
{
    change_at(BEHIND_THE_LOOK);
    return __real_call_wait(c, max_ms, topic);
}

void __wrap_http_park(struct http_request *request, const char *topic, wake_ticket ticket, int64_t until_ms);
void __real_http_park(struct http_request *request, const char *topic, wake_ticket ticket, int64_t until_ms);

void __wrap_http_park(struct http_request *request, const char *topic, wake_ticket ticket, int64_t until_ms)
{
    change_at(BEFORE_THE_WAIT);
    __real_http_park(request, topic, ticket, until_ms);
}

/* ---- the house */

static int setup(void **state UNUSED)
{
    static const char *const listen[] = {"127.0.0.1", NULL};
    struct account_key *keys = NULL;
    size_t count = 0;

    (void)snprintf(folder, sizeof(folder), "/tmp/slipway-poll-XXXXXX");
    assert_non_null(mkdtemp(folder));
    const struct house_config config = {.data_dir = folder, .listen = listen, .first_accounts = true};
    assert_int_equal(house_open(&config, &house), 0);
    assert_int_equal(accounts_keys(house_platform(house), &keys, &count), 0);
    for (size_t i = 0; i < count; i++) {
        const struct aws_config own = {.endpoint_url = house_platform(house)->endpoint,
                                       .region = "us-east-1",
                                       .access_key_id = keys[i].access_key_id,
                                       .secret_access_key = keys[i].secret_access_key};

        if (strcmp(keys[i].account.id, ACCOUNT) == 0)
            assert_int_equal(aws_client_new(&own, &client), 0);
    }
    free(keys);
    assert_non_null(client);
    (void)alarm(HUNG_S);
    return 0;
}

static int teardown(void **state UNUSED)
{
    (void)alarm(0);
    aws_client_free(&client);
    house_close(&house, 0);
    return io_remove_tree(folder);
}

/* ---- tests */

static void misses_nothing(enum place here)
{
    for (size_t i = 0; i < ARRAY_LEN(polls); i++) {
        const struct poll *poll = &polls[i];
        int before = atomic_load(&changes);

        for (size_t k = 0; k < ARRAY_LEN(poll->before) && poll->before[k].service; k++)
            json_decref(call(&poll->before[k]));
        change = &poll->change;
        atomic_store(&place, here);
        int64_t began_ms = clock_mono_ms();
        json_t *answer = call(&poll->poll);
        int64_t took_ms = clock_mono_ms() - began_ms;

        if (took_ms >= AT_ONCE_MS || !json_path(answer, poll->news))
            print_error("%s took %lld ms\n", poll->poll.operation, (long long)took_ms);
        assert_int_equal(atomic_load(&changes), before + 1);
        assert_non_null(json_path(answer, poll->news));
        assert_true(took_ms < AT_ONCE_MS);
        json_decref(answer);
    }
}

static void a_change_behind_a_polls_look_ends_its_wait(void **state UNUSED)
{
    misses_nothing(BEHIND_THE_LOOK);
}

static void a_change_just_before_a_poll_waits_ends_its_wait(void **state UNUSED)
{
    misses_nothing(BEFORE_THE_WAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_change_behind_a_polls_look_ends_its_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_just_before_a_poll_waits_ends_its_wait, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
