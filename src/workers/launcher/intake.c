/* See intake.h. A lane is a key with work; its thread takes all of its tasks at once: one look at the object
 * serves every event that was there before it. */
#include "workers/launcher/intake.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"
#include "workers/launcher/event.h"
#include "workers/worker.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define MESSAGES_MAX 500
#define RECEIVE_MAX 10
#define RECEIVE_WAIT_S 20
#define KEEP_MS (VISIBILITY_S * 1000 / 3)
#define RETRY_MOST_S 60
#define PAUSE_MOST_MS 5000

struct message {
    char *receipt;
    char *body;
    int64_t receives;
    int64_t keep_at_ms; /* when it must be kept invisible again */
    int left;           /* tasks not done */
    int outcome;        /* the worst of its tasks': WORK_E_FAILED over WORK_E_RETRY over 0 */
    struct message *next;
};

struct task {
    struct message *message;
    struct task *next;
};

struct lane {
    char *bucket;
    char *key;
    struct task *tasks;
    bool running;
    struct lane *next;       /* of all lanes */
    struct lane *next_ready; /* of those that wait for a thread */
};

struct intake {
    const struct releaser *releaser;
    const struct setup *setup;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t ready_cond;
    pthread_cond_t keep_cond;
    pthread_cond_t room_cond;
    struct lane *lanes;
    struct lane *ready;
    struct lane **ready_end;
    struct message *messages;
    size_t message_count;
    bool ending;
    pthread_t *threads;
    size_t thread_count;
    pthread_t keeper;
    bool keeper_runs;
};

static void message_free(struct message *message)
{
    free(message->receipt);
    free(message->body);
    free(message);
}

static int sqs(struct intake *intake, const char *operation, json_t *in)
{
    struct reason why = {0};
    int r = in ? work_call(intake->releaser->client, "sqs", operation, in, NULL, NULL, &why) : FAULT(ENOMEM);

    if (r)
        log_warn("launcher", "%s", why.text[0] ? why.text : strerror(-r));
    return r;
}

static int message_delete(struct intake *intake, const struct message *message)
{
    return sqs(
        intake, "DeleteMessage",
        json_pack("{s:s, s:s}", "QueueUrl", intake->setup->queue_url, "ReceiptHandle", message->receipt));
}

static int message_hide(struct intake *intake, const char *receipt, int64_t seconds)
{
    return sqs(intake, "ChangeMessageVisibility",
               json_pack("{s:s, s:s, s:I}", "QueueUrl", intake->setup->queue_url, "ReceiptHandle", receipt,
                         "VisibilityTimeout", (json_int_t)seconds));
}

static int message_bury(struct intake *intake, const struct message *message)
{
    int r = sqs(
        intake, "SendMessage",
        json_pack("{s:s, s:s}", "QueueUrl", intake->setup->dead_letter_url, "MessageBody", message->body));

    return r ? r : message_delete(intake, message);
}

/* What cannot be told to the queue is told by time: the message comes again. */
static void message_settle(struct intake *intake, struct message *message)
{
    int64_t seconds = INT64_C(1) << (message->receives < 6 ? message->receives : 6);
    int r = 0;

    if (message->outcome == 0)
        r = message_delete(intake, message);
    else if (message->outcome == WORK_E_FAILED)
        r = message_bury(intake, message);
    else if (message->outcome == WORK_E_STOPPED)
        r = message_hide(intake, message->receipt, 0);
    else
        r = message_hide(intake, message->receipt, seconds > RETRY_MOST_S ? RETRY_MOST_S : seconds);
    if (r)
        log_debug("launcher", "a message will come again: %d", r);
    message_free(message);
}

static void message_unlink(struct intake *intake, const struct message *message)
{
    struct message **at = &intake->messages;

    while (*at != message)
        at = &(*at)->next;
    *at = message->next;
    intake->message_count--;
    pthread_cond_signal(&intake->room_cond);
}

static int worse(int a, int b)
{
    static const int order[] = {0, WORK_E_RETRY, WORK_E_STOPPED, WORK_E_FAILED};
    size_t of_a = 1, of_b = 1; /* faults count as to be tried again */

    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        of_a = order[i] == a ? i : of_a;
        of_b = order[i] == b ? i : of_b;
    }
    return order[of_a > of_b ? of_a : of_b];
}

static void ready_put(struct intake *intake, struct lane *lane)
{
    lane->next_ready = NULL;
    *intake->ready_end = lane;
    intake->ready_end = &lane->next_ready;
    pthread_cond_signal(&intake->ready_cond);
}

static struct lane *ready_take(struct intake *intake)
{
    struct lane *lane = intake->ready;

    intake->ready = lane->next_ready;
    if (!intake->ready)
        intake->ready_end = &intake->ready;
    return lane;
}

static void lane_drop(struct intake *intake, struct lane *lane)
{
    struct lane **at = &intake->lanes;

    while (*at != lane)
        at = &(*at)->next;
    *at = lane->next;
    free(lane->bucket);
    free(lane->key);
    free(lane);
}

/* Called with the lock; gives the messages that are done with. */
static struct message *tasks_end(struct intake *intake, struct task *tasks, int outcome)
{
    struct message *done = NULL;

    while (tasks) {
        struct task *task = tasks;
        struct message *message = task->message;

        tasks = task->next;
        free(task);
        message->outcome = worse(message->outcome, outcome);
        if (--message->left > 0)
            continue;
        message_unlink(intake, message);
        message->next = done;
        done = message;
    }
    return done;
}

static void messages_settle(struct intake *intake, struct message *done)
{
    while (done) {
        struct message *message = done;

        done = message->next;
        message_settle(intake, message);
    }
}

/* Called and returns with the lock. */
static void lane_run(struct intake *intake, struct lane *lane)
{
    struct task *tasks = take(lane->tasks);
    struct message *done;
    int r;

    lane->running = true;
    pthread_mutex_unlock(&intake->lock);
    r = worker_stopping() ? WORK_E_STOPPED : release_handle(intake->releaser, lane->bucket, lane->key);
    pthread_mutex_lock(&intake->lock);
    done = tasks_end(intake, tasks, r < 0 ? WORK_E_RETRY : r);
    lane->running = false;
    if (lane->tasks)
        ready_put(intake, lane);
    else
        lane_drop(intake, lane);
    pthread_mutex_unlock(&intake->lock);
    messages_settle(intake, done);
    pthread_mutex_lock(&intake->lock);
}

static void *thread_run(void *arg)
{
    struct intake *intake = arg;

    pthread_mutex_lock(&intake->lock);
    for (;;) {
        while (!intake->ready && !intake->ending)
            pthread_cond_wait(&intake->ready_cond, &intake->lock);
        if (!intake->ready)
            break;
        lane_run(intake, ready_take(intake));
    }
    pthread_mutex_unlock(&intake->lock);
    return NULL;
}

static struct message *keep_next(struct intake *intake)
{
    struct message *first = intake->messages;

    for (struct message *m = intake->messages; m; m = m->next)
        if (m->keep_at_ms < first->keep_at_ms)
            first = m;
    return first;
}

static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t mono_ms)
{
    struct timespec until = {.tv_sec = mono_ms / 1000, .tv_nsec = (mono_ms % 1000) * 1000000};

    pthread_cond_timedwait(cond, lock, &until);
}

/* Keeps messages invisible while they are worked on. */
static void *keeper_run(void *arg)
{
    struct intake *intake = arg;

    pthread_mutex_lock(&intake->lock);
    while (!intake->ending) {
        struct message *message = keep_next(intake);
        CLEANUP(free_ptr) char *receipt = NULL;

        if (!message) {
            pthread_cond_wait(&intake->keep_cond, &intake->lock);
            continue;
        }
        if (message->keep_at_ms > clock_mono_ms()) {
            wait_until(&intake->keep_cond, &intake->lock, message->keep_at_ms);
            continue;
        }
        message->keep_at_ms = clock_mono_ms() + KEEP_MS;
        receipt = str_dup(str_of(message->receipt));
        pthread_mutex_unlock(&intake->lock);
        if (receipt && message_hide(intake, receipt, VISIBILITY_S))
            log_debug("launcher", "a message could not be kept: it may come twice");
        pthread_mutex_lock(&intake->lock);
    }
    pthread_mutex_unlock(&intake->lock);
    return NULL;
}

static struct lane *lane_of(struct intake *intake, const char *bucket, const char *key)
{
    struct lane *lane = intake->lanes;

    while (lane && (strcmp(lane->key, key) != 0 || strcmp(lane->bucket, bucket) != 0))
        lane = lane->next;
    if (lane)
        return lane;
    lane = mem_alloc(sizeof(*lane));
    if (!lane)
        return NULL;
    lane->bucket = str_dup(str_of(bucket));
    lane->key = str_dup(str_of(key));
    lane->next = intake->lanes;
    intake->lanes = lane;
    if (lane->bucket && lane->key)
        return lane;
    lane_drop(intake, lane);
    return NULL;
}

/* Called with the lock. */
static int task_put(struct intake *intake, struct message *message, const struct event_record *record)
{
    struct task *task = mem_alloc(sizeof(*task));
    struct lane *lane = task ? lane_of(intake, record->bucket, record->key) : NULL;
    bool idle;

    if (!lane) {
        free(task);
        return FAULT(ENOMEM);
    }
    idle = !lane->tasks && !lane->running;
    task->message = message;
    task->next = lane->tasks;
    lane->tasks = task;
    message->left++;
    if (idle)
        ready_put(intake, lane);
    return 0;
}

static void message_enter(struct intake *intake, struct message *message, const struct event *event)
{
    struct message *done = NULL;

    pthread_mutex_lock(&intake->lock);
    message->next = intake->messages;
    intake->messages = message;
    intake->message_count++;
    message->keep_at_ms = clock_mono_ms() + KEEP_MS;
    message->left = 1; /* this function's own hold */
    for (size_t i = 0; i < event->count; i++)
        if (task_put(intake, message, &event->records[i]))
            message->outcome = WORK_E_RETRY;
    if (--message->left == 0) {
        message_unlink(intake, message);
        message->next = NULL;
        done = message;
    }
    pthread_cond_signal(&intake->keep_cond);
    pthread_mutex_unlock(&intake->lock);
    messages_settle(intake, done);
}

static void message_unreadable(struct intake *intake, struct message *message, const struct reason *why)
{
    struct reason failure = {0};
    json_t *record = json_pack("{s:s, s:s, s:s, s:s}", "level", "error", "event", "bad-message", "message",
                               why->text, "todo", "send only S3 event notifications to queue " EVENT_QUEUE);
    int r = journal_write(intake->releaser->journal, record, &failure);

    log_warn("launcher", "a message is not an S3 event: %s", why->text);
    message->outcome = r ? WORK_E_RETRY : WORK_E_FAILED;
    message_settle(intake, message);
}

static void message_take(struct intake *intake, const json_t *from)
{
    CLEANUP(event_deinit) struct event event = {0};
    const char *receives = json_string_value(json_path(from, "Attributes.ApproximateReceiveCount"));
    struct message *message = mem_alloc(sizeof(*message));
    struct reason why = {0};
    int r;

    if (!message)
        return; /* it becomes visible again */
    message->receipt = str_dup(str_of(json_str(from, "ReceiptHandle", "")));
    message->body = str_dup(str_of(json_str(from, "Body", "")));
    if (!str_to_int(str_of(receives), 0, 1000000, &message->receives))
        message->receives = 1;
    if (!message->receipt || !message->body) {
        message_free(message);
        return;
    }
    r = event_parse(str_of(message->body), &event, &why);
    if (r > 0)
        message_unreadable(intake, message, &why);
    else if (r < 0)
        message_free(message);
    else
        message_enter(intake, message, &event);
}

static void room_await(struct intake *intake)
{
    pthread_mutex_lock(&intake->lock);
    while (intake->message_count >= MESSAGES_MAX)
        pthread_cond_wait(&intake->room_cond, &intake->lock);
    pthread_mutex_unlock(&intake->lock);
}

static int receive(struct intake *intake, struct aws_client *poller)
{
    CLEANUP(json_free) json_t *out = NULL;
    struct reason why = {0};
    const json_t *messages, *message;
    size_t i;
    json_t *in = json_pack("{s:s, s:i, s:i, s:[s]}", "QueueUrl", intake->setup->queue_url,
                           "MaxNumberOfMessages", RECEIVE_MAX, "WaitTimeSeconds", RECEIVE_WAIT_S,
                           "AttributeNames", "ApproximateReceiveCount");
    int r = in ? work_call(poller, "sqs", "ReceiveMessage", in, &out, NULL, &why) : FAULT(ENOMEM);

    if (r && !worker_stopping())
        log_warn("launcher", "%s", why.text);
    messages = work_list(out, "Messages");
    json_array_foreach (messages, i, message)
        message_take(intake, message);
    return r;
}

void intake_run(struct intake *intake, struct aws_client *poller)
{
    int64_t pause_ms = 50;

    while (!worker_stopping()) {
        room_await(intake);
        if (receive(intake, poller) == 0) {
            pause_ms = 50;
            continue;
        }
        worker_pause(pause_ms);
        pause_ms = pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause_ms * 2;
    }
}

static int threads_start(struct intake *intake, size_t threads)
{
    int r;

    intake->threads = mem_alloc(threads * sizeof(*intake->threads));
    if (!intake->threads)
        return FAULT(ENOMEM);
    r = pthread_create(&intake->keeper, NULL, keeper_run, intake);
    if (r)
        return FAULT(r);
    intake->keeper_runs = true;
    while (intake->thread_count < threads) {
        r = pthread_create(&intake->threads[intake->thread_count], NULL, thread_run, intake);
        if (r)
            return FAULT(r);
        intake->thread_count++;
    }
    return 0;
}

int intake_new(const struct releaser *releaser, const struct setup *setup, size_t threads,
               struct intake **ret)
{
    CLEANUP(intake_free) struct intake *intake = mem_alloc(sizeof(*intake));
    pthread_condattr_t monotonic;
    int r;

    if (!intake)
        return FAULT(ENOMEM);
    intake->releaser = releaser;
    intake->setup = setup;
    intake->ready_end = &intake->ready;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&intake->lock, NULL);
    pthread_cond_init(&intake->ready_cond, NULL);
    pthread_cond_init(&intake->keep_cond, &monotonic);
    pthread_cond_init(&intake->room_cond, NULL);
    pthread_condattr_destroy(&monotonic);
    r = threads_start(intake, threads);
    if (r == 0)
        *ret = take(intake);
    return r;
}

void intake_free(struct intake **intake)
{
    struct intake *in = *intake;

    if (!in)
        return;
    pthread_mutex_lock(&in->lock);
    in->ending = true;
    pthread_cond_broadcast(&in->ready_cond);
    pthread_cond_broadcast(&in->keep_cond);
    pthread_mutex_unlock(&in->lock);
    for (size_t i = 0; i < in->thread_count; i++)
        pthread_join(in->threads[i], NULL);
    if (in->keeper_runs)
        pthread_join(in->keeper, NULL);
    free(in->threads);
    pthread_cond_destroy(&in->ready_cond);
    pthread_cond_destroy(&in->keep_cond);
    pthread_cond_destroy(&in->room_cond);
    pthread_mutex_destroy(&in->lock);
    free(in);
    *intake = NULL;
}
