/* The artifact events' queue: what it is told last of a message is what became of it. */
#include "../http/scripted_server.h"
#include "base/clock.h"
#include "workers/call.h"
#include "workers/launcher/messages.h"
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define PATIENCE_MS 20000

static struct scripted_server server;
static struct messages *messages;

static size_t asked(void)
{
    pthread_mutex_lock(&server.lock);
    size_t count = server.request_count;
    pthread_mutex_unlock(&server.lock);
    return count;
}

static bool await_asked(size_t count, int64_t patience_ms)
{
    int64_t until_ms = clock_mono_ms() + patience_ms;
    while (asked() < count && clock_mono_ms() < until_ms)
        (void)poll(NULL, 0, 5);
    return asked() >= count;
}

static void *settle(void *message)
{
    messages_settle(messages, message);
    return NULL;
}

/* The keeper's word is under way when the message is given back: it would hide it for longer than it is to
 * be. */
static void test_a_message_that_is_given_back_is_not_kept_any_more(void **state UNUSED)
{
    static const struct scripted_answer answers[] = {{.hang = true}, {200, "{}"}};
    static const struct setup setup = {"http://q/1/events", "http://q/1/dead"};
    struct aws_client *client = NULL;
    struct message *message;
    pthread_t settler;
    json_t *from = json_pack("{s:s, s:s}", "ReceiptHandle", "r", "Body", "{}");

    scripted_start(&server, answers, ARRAY_LEN(answers));
    const struct aws_config config = {
        .endpoint_url = server.url, .access_key_id = "AKIAEXAMPLE", .secret_access_key = "secret"};
    assert_int_equal(aws_client_new(&config, &client), 0);
    assert_int_equal(messages_new(client, &setup, &messages), 0);
    message = message_read(from);
    assert_non_null(message);
    message->outcome = WORK_E_RETRY;
    messages_put(messages, message);
    assert_true(await_asked(1, PATIENCE_MS)); /* the keeper, and it gets no answer */
    assert_int_equal(pthread_create(&settler, NULL, settle, message), 0);
    (void)await_asked(2, 300); /* as it would at once, did it not wait */
    wake_signal("scripted");   /* now the keeper gets its answer: it is asked a second time */
    assert_int_equal(pthread_join(settler, NULL), 0);
    assert_int_equal(asked(), 3);
    assert_non_null(strstr(server.requests[1].body, "\"VisibilityTimeout\":10"));
    assert_non_null(strstr(server.requests[2].body, "\"VisibilityTimeout\":2"));
    messages_free(&messages);
    aws_client_free(&client);
    scripted_stop(&server);
    json_decref(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_that_is_given_back_is_not_kept_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
