/* See messages.h. */
#include "workers/launcher/messages.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"
#include "workers/call.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define MESSAGES_MAX 500
#define KEEP_MS (VISIBILITY_S * 1000 / 3)
#define RETRY_MOST_S 60
#define DELETE_MAX 10

struct messages {
    struct aws_client *client;
    const struct setup *setup;
    pthread_mutex_t lock; /* guards all that follows, and `keep_at_ms` and `next` of each */
    pthread_cond_t keep_cond;
    pthread_cond_t room_cond;
    struct message *first;
    size_t count;
    const struct message *keeping; /* what the keeper is telling the queue of; NULL: none */
    pthread_cond_t kept_cond;      /* it has */
    bool keeper_waits;             /* for there to be messages */
    bool ending;
    pthread_t keeper;
    bool keeper_runs;
};

void message_free(struct message *message)
{
    free(message->receipt);
    free(message->body);
    free(message);
}

struct message *message_read(const json_t *from)
{
    const char *receives = json_string_value(json_path(from, "Attributes.ApproximateReceiveCount"));
    struct message *message = mem_alloc(sizeof(*message));

    if (!message)
        return NULL;
    message->receipt = str_dup(str_of(json_str(from, "ReceiptHandle", "")));
    message->body = str_dup(str_of(json_str(from, "Body", "")));
    if (!str_to_int(str_of(receives), 0, 1000000, &message->receives))
        message->receives = 1;
    if (message->receipt && message->body)
        return message;
    message_free(message);
    return NULL;
}

/* ---- what the queue is told */

static int sqs(struct messages *messages, const char *operation, json_t *in)
{
    struct reason why = {0};
    int r = in ? work_call(messages->client, "sqs", operation, in, NULL, NULL, &why) : FAULT(ENOMEM);

    if (r)
        log_warn("launcher", "%s", why.text[0] ? why.text : strerror(-r));
    return r;
}

static int message_hide(struct messages *messages, const char *receipt, int64_t seconds)
{
    return sqs(messages, "ChangeMessageVisibility",
               json_pack("{s:s, s:s, s:I}", "QueueUrl", messages->setup->queue_url, "ReceiptHandle", receipt,
                         "VisibilityTimeout", (json_int_t)seconds));
}

static int message_bury(struct messages *messages, const struct message *message)
{
    return sqs(
        messages, "SendMessage",
        json_pack("{s:s, s:s}", "QueueUrl", messages->setup->dead_letter_url, "MessageBody", message->body));
}

/* It is kept invisible no more, nor is the queue being told so: what it is told next of the message holds. */
static void message_unlink(struct messages *messages, const struct message *message)
{
    struct message **at = &messages->first;

    pthread_mutex_lock(&messages->lock);
    while (messages->keeping == message)
        pthread_cond_wait(&messages->kept_cond, &messages->lock);
    while (*at != message)
        at = &(*at)->next;
    *at = message->next;
    messages->count--;
    pthread_cond_signal(&messages->room_cond);
    pthread_mutex_unlock(&messages->lock);
}

/* It comes again after a while, or at once where the worker stops. What cannot be told to the queue is told
 * by time. */
static void message_return(struct messages *messages, struct message *message)
{
    int64_t seconds = INT64_C(1) << (message->receives < 6 ? message->receives : 6);

    if (message->outcome == WORK_E_STOPPED)
        seconds = 0;
    message_unlink(messages, message);
    if (message_hide(messages, message->receipt, seconds > RETRY_MOST_S ? RETRY_MOST_S : seconds))
        log_debug("launcher", "a message will come again");
    message_free(message);
}

/* Takes them off the list, as many as one request deletes, and returns the others to the queue. Those that
 * are to be deleted are kept invisible until they are. */
static json_t *deletions_make(struct messages *messages, struct message **done, struct message **ret_held)
{
    json_t *entries = json_array();

    while (*done && json_array_size(entries) < DELETE_MAX) {
        struct message *message = *done;
        char id[16];
        bool over = message->outcome == 0 ||
                    (message->outcome == WORK_E_FAILED && message_bury(messages, message) == 0);

        *done = message->next_done;
        snprintf(id, sizeof(id), "%zu", json_array_size(entries));
        if (!over || json_array_append_new(
                         entries, json_pack("{s:s, s:s}", "Id", id, "ReceiptHandle", message->receipt))) {
            message_return(messages, message);
            continue;
        }
        message->next_done = *ret_held;
        *ret_held = message;
    }
    return entries;
}

void messages_settle(struct messages *messages, struct message *done)
{
    while (done) {
        struct message *held = NULL;
        json_t *entries = deletions_make(messages, &done, &held);

        if (!held)
            json_decref(entries);
        else if (sqs(messages, "DeleteMessageBatch",
                     json_pack("{s:s, s:o}", "QueueUrl", messages->setup->queue_url, "Entries", entries)))
            log_debug("launcher", "messages that are done with will come again");
        while (held) {
            struct message *message = held;

            held = message->next_done;
            message_unlink(messages, message);
            message_free(message);
        }
    }
}

/* ---- meanwhile */

void messages_put(struct messages *messages, struct message *message)
{
    pthread_mutex_lock(&messages->lock);
    message->keep_at_ms = clock_mono_ms() + KEEP_MS;
    message->next = messages->first;
    messages->first = message;
    messages->count++;
    if (messages->keeper_waits)
        pthread_cond_signal(&messages->keep_cond);
    pthread_mutex_unlock(&messages->lock);
}

void messages_await_room(struct messages *messages)
{
    pthread_mutex_lock(&messages->lock);
    while (messages->count >= MESSAGES_MAX)
        pthread_cond_wait(&messages->room_cond, &messages->lock);
    pthread_mutex_unlock(&messages->lock);
}

static struct message *keep_next(const struct messages *messages)
{
    struct message *first = messages->first;

    for (struct message *m = messages->first; m; m = m->next)
        if (m->keep_at_ms < first->keep_at_ms)
            first = m;
    return first;
}

static void wait_until(struct messages *messages, int64_t mono_ms)
{
    struct timespec until = {.tv_sec = mono_ms / 1000, .tv_nsec = (mono_ms % 1000) * 1000000};

    pthread_cond_timedwait(&messages->keep_cond, &messages->lock, &until);
}

static void *keeper_run(void *arg)
{
    struct messages *messages = arg;

    pthread_mutex_lock(&messages->lock);
    while (!messages->ending) {
        struct message *message = keep_next(messages);
        if (!message) {
            messages->keeper_waits = true;
            pthread_cond_wait(&messages->keep_cond, &messages->lock);
            continue;
        }
        messages->keeper_waits = false;
        if (message->keep_at_ms > clock_mono_ms()) {
            wait_until(messages, message->keep_at_ms);
            continue;
        }
        message->keep_at_ms = clock_mono_ms() + KEEP_MS;
        messages->keeping = message;
        pthread_mutex_unlock(&messages->lock);
        if (message_hide(messages, message->receipt, VISIBILITY_S))
            log_debug("launcher", "a message could not be kept: it may come twice");
        pthread_mutex_lock(&messages->lock);
        messages->keeping = NULL;
        pthread_cond_broadcast(&messages->kept_cond);
    }
    pthread_mutex_unlock(&messages->lock);
    return NULL;
}

/* ---- life */

int messages_new(struct aws_client *client, const struct setup *setup, struct messages **ret)
{
    CLEANUP(messages_free) struct messages *messages = mem_alloc(sizeof(*messages));
    pthread_condattr_t monotonic;
    int r;

    if (!messages)
        return FAULT(ENOMEM);
    messages->client = client;
    messages->setup = setup;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&messages->lock, NULL);
    pthread_cond_init(&messages->keep_cond, &monotonic);
    pthread_cond_init(&messages->room_cond, NULL);
    pthread_cond_init(&messages->kept_cond, NULL);
    pthread_condattr_destroy(&monotonic);
    r = pthread_create(&messages->keeper, NULL, keeper_run, messages);
    if (r)
        return FAULT(r);
    messages->keeper_runs = true;
    *ret = take(messages);
    return 0;
}

void messages_free(struct messages **messages)
{
    struct messages *of = take(*messages);

    if (!of)
        return;
    assert(!of->first);
    pthread_mutex_lock(&of->lock);
    of->ending = true;
    pthread_cond_signal(&of->keep_cond);
    pthread_mutex_unlock(&of->lock);
    if (of->keeper_runs)
        pthread_join(of->keeper, NULL);
    pthread_cond_destroy(&of->keep_cond);
    pthread_cond_destroy(&of->room_cond);
    pthread_cond_destroy(&of->kept_cond);
    pthread_mutex_destroy(&of->lock);
    free(of);
}
