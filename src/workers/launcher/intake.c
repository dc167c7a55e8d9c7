/* See intake.h. A lane is a key with work; its thread takes all of its tasks at once: one look at the object
 * serves every event that was there before it.
 *
 * Threads have no part of their own. One receives; who has received works on what came, and another receives:
 * so an event is worked on by a thread that is awake. What has ended is settled a little later, for all that
 * ended meanwhile, and when who was waited for has a processor. The others work on lanes. */
#include "workers/launcher/intake.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"
#include "workers/launcher/event.h"
#include "workers/launcher/journal.h"
#include "workers/launcher/messages.h"
#include "workers/worker.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define RECEIVE_MAX 10
#define RECEIVE_WAIT_S 20
#define PAUSE_LEAST_MS 50
#define PAUSE_MOST_MS 5000
#define SETTLE_MS 20    /* what ended meanwhile is settled together */
#define EVENTS_WAIT 250 /* for a journal that cannot be written, and their messages with them */
#define EVENTS_KEPT                                                                                          \
    1000 /* of those that could not be written; the others are made again with their messages */

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
    struct aws_client *poller;
    const struct setup *setup;
    struct journal *journal;
    struct messages *messages;
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t ready_cond;
    pthread_cond_t settle_cond;
    struct lane *lanes;
    struct lane *ready;
    struct lane **ready_end;
    size_t running; /* lanes */
    size_t running_max;
    bool receiving;       /* a thread is */
    bool settling;        /* the same */
    int64_t settle_ms;    /* from an end to its settling: longer while the journal cannot be written */
    int64_t pause_ms;     /* of the receiver's, when it fails */
    struct message *done; /* to be settled, once `events` are in the journal */
    json_t *events;
    bool ending;
    pthread_t *threads;
    size_t thread_count;
};

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

/* Called with the lock. */
static void message_end(struct intake *intake, struct message *message)
{
    message->next_done = intake->done;
    intake->done = message;
}

/* Called with the lock. */
static void tasks_end(struct intake *intake, struct task *tasks, int outcome)
{
    while (tasks) {
        struct task *task = tasks;
        struct message *message = task->message;

        tasks = task->next;
        free(task);
        message->outcome = worse(message->outcome, outcome);
        if (--message->left == 0)
            message_end(intake, message);
    }
}

/* Called and returns with the lock. */
static void lane_run(struct intake *intake, struct lane *lane)
{
    CLEANUP(json_free) json_t *events = json_array();
    struct task *tasks = take(lane->tasks);
    int r;

    lane->running = true;
    pthread_mutex_unlock(&intake->lock);
    r = worker_stopping() ? WORK_E_STOPPED
                          : release_handle(intake->releaser, lane->bucket, lane->key, events);
    pthread_mutex_lock(&intake->lock);
    if (json_array_extend(intake->events, events)) /* what cannot be recorded is not done */
        r = WORK_E_RETRY;
    intake->running--;
    tasks_end(intake, tasks, r < 0 ? WORK_E_RETRY : r);
    lane->running = false;
    if (lane->tasks)
        ready_put(intake, lane);
    else
        lane_drop(intake, lane);
}

static void wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t mono_ms)
{
    struct timespec until = {.tv_sec = mono_ms / 1000, .tv_nsec = (mono_ms % 1000) * 1000000};

    pthread_cond_timedwait(cond, lock, &until);
}

/* Puts back what could not be recorded: it is settled a little later, and its messages stay invisible until
 * then. False: there is too much of it, or no time. */
static bool put_back(struct intake *intake, struct message **done, json_t *events)
{
    struct message **end = done;
    bool back;

    pthread_mutex_lock(&intake->lock);
    back = !intake->ending && !worker_stopping() &&
           json_array_size(events) + json_array_size(intake->events) <= EVENTS_WAIT &&
           json_array_extend(intake->events, events) == 0;
    if (back) {
        while (*end)
            end = &(*end)->next_done;
        *end = intake->done;
        intake->done = take(*done);
        intake->settle_ms = intake->settle_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : intake->settle_ms * 2;
    }
    pthread_mutex_unlock(&intake->lock);
    return back;
}

/* What cannot be recorded is not done: it is put back, or its messages come again and the events are kept for
 * the next to settle. Whether it is recorded. */
static bool settle_all(struct intake *intake, struct message *done, json_t *events)
{
    struct reason why = {0};
    int r = json_array_size(events) > 0 ? journal_put(intake->journal, events, &why) : 0;

    if (r) {
        log_warn("launcher", "the journal cannot be written: %s", why.text[0] ? why.text : strerror(-r));
        if (put_back(intake, &done, events))
            return false;
        pthread_mutex_lock(&intake->lock);
        for (size_t i = 0; i < json_array_size(events) && json_array_size(intake->events) < EVENTS_KEPT; i++)
            if (json_array_append(intake->events, json_array_get(events, i)))
                break;
        pthread_mutex_unlock(&intake->lock);
    }
    for (struct message *m = done; r && m; m = m->next_done)
        m->outcome = m->outcome == WORK_E_STOPPED ? WORK_E_STOPPED : WORK_E_RETRY;
    messages_settle(intake->messages, done);
    return r == 0;
}

/* Called and returns with the lock. */
static void settle(struct intake *intake)
{
    CLEANUP(json_free) json_t *events = json_array();
    int64_t until_ms = clock_mono_ms() + intake->settle_ms;
    struct message *done;
    json_t *ended;
    bool settled;

    while (!intake->ending && clock_mono_ms() < until_ms)
        wait_until(&intake->settle_cond, &intake->lock, until_ms);
    intake->settling = false;
    if (!events) /* without memory it is tried again */
        return;
    ended = intake->events;
    intake->events = events;
    events = ended;
    done = take(intake->done);
    pthread_mutex_unlock(&intake->lock);
    settled = settle_all(intake, done, events);
    pthread_mutex_lock(&intake->lock);
    if (settled)
        intake->settle_ms = SETTLE_MS;
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
    messages_put(intake->messages, message);
    pthread_mutex_lock(&intake->lock);
    message->left = 1; /* this function's own hold */
    for (size_t i = 0; i < event->count; i++)
        if (task_put(intake, message, &event->records[i]))
            message->outcome = WORK_E_RETRY;
    if (--message->left == 0)
        message_end(intake, message);
    pthread_mutex_unlock(&intake->lock);
}

static void message_unreadable(struct intake *intake, struct message *message, const struct reason *why)
{
    json_t *event = NULL,
           *record = json_pack("{s:s, s:s, s:s, s:s}", "level", "error", "event", "bad-message", "message",
                               why->text, "todo", "send only S3 event notifications to queue " EVENT_QUEUE);
    int r = journal_event(record, &event);

    log_warn("launcher", "a message is not an S3 event: %s", why->text);
    message->outcome = r ? WORK_E_RETRY : WORK_E_FAILED;
    messages_put(intake->messages, message);
    pthread_mutex_lock(&intake->lock);
    if (json_array_append_new(intake->events, event))
        message->outcome = WORK_E_RETRY;
    message_end(intake, message);
    pthread_mutex_unlock(&intake->lock);
}

static void message_take(struct intake *intake, const json_t *from)
{
    CLEANUP(event_deinit) struct event event = {0};
    struct message *message = message_read(from);
    struct reason why = {0};
    int r;

    if (!message)
        return;
    r = event_parse(str_of(message->body), &event, &why);
    if (r > 0)
        message_unreadable(intake, message, &why);
    else if (r < 0)
        message_free(message);
    else
        message_enter(intake, message, &event);
}

static int receive(struct intake *intake)
{
    CLEANUP(json_free) json_t *out = NULL;
    struct reason why = {0};
    const json_t *messages, *message;
    size_t i;
    json_t *in = json_pack("{s:s, s:i, s:i, s:[s]}", "QueueUrl", intake->setup->queue_url,
                           "MaxNumberOfMessages", RECEIVE_MAX, "WaitTimeSeconds", RECEIVE_WAIT_S,
                           "AttributeNames", "ApproximateReceiveCount");
    int r = in ? work_call(intake->poller, "sqs", "ReceiveMessage", in, &out, NULL, &why) : FAULT(ENOMEM);

    if (r && !worker_stopping())
        log_warn("launcher", "%s", why.text);
    messages = work_list(out, "Messages");
    json_array_foreach (messages, i, message)
        message_take(intake, message);
    return r;
}

/* Called and returns with the lock. */
static void receive_next(struct intake *intake)
{
    int64_t pause_ms = intake->pause_ms;
    int r;

    pthread_mutex_unlock(&intake->lock);
    messages_await_room(intake->messages);
    r = receive(intake);
    if (r)
        worker_pause(pause_ms);
    pthread_mutex_lock(&intake->lock);
    if (r == 0)
        pause_ms = PAUSE_LEAST_MS;
    else
        pause_ms = pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : pause_ms * 2;
    intake->pause_ms = pause_ms;
    intake->receiving = false;
}

enum part { PART_NONE, PART_LANE, PART_SETTLE, PART_RECEIVE };

/* What a thread that is free does next. */
static enum part part_next(const struct intake *intake)
{
    if (intake->ready && intake->running < intake->running_max)
        return PART_LANE;
    if (intake->done && !intake->settling)
        return PART_SETTLE;
    return intake->receiving || worker_stopping() ? PART_NONE : PART_RECEIVE;
}

/* Called and returns with the lock: takes the part, wakes who takes the next, and does it. */
static void part_do(struct intake *intake, enum part part)
{
    struct lane *lane = NULL;

    if (part == PART_LANE) {
        lane = ready_take(intake);
        intake->running++;
    } else if (part == PART_SETTLE) {
        intake->settling = true;
    } else {
        intake->receiving = true;
    }
    if (part_next(intake) != PART_NONE)
        pthread_cond_signal(&intake->ready_cond);
    if (part == PART_LANE)
        lane_run(intake, lane);
    else if (part == PART_SETTLE)
        settle(intake);
    else
        receive_next(intake);
}

static void *thread_run(void *arg)
{
    struct intake *intake = arg;

    pthread_mutex_lock(&intake->lock);
    while (!intake->ending || intake->ready || intake->done) {
        enum part part = part_next(intake);

        if (part != PART_NONE)
            part_do(intake, part);
        else
            pthread_cond_wait(&intake->ready_cond, &intake->lock);
    }
    pthread_cond_broadcast(&intake->ready_cond);
    pthread_mutex_unlock(&intake->lock);
    return NULL;
}

static int threads_start(struct intake *intake, size_t threads)
{
    intake->threads = mem_alloc(threads * sizeof(*intake->threads));
    if (!intake->threads)
        return FAULT(ENOMEM);
    while (intake->thread_count < threads) {
        int r = pthread_create(&intake->threads[intake->thread_count], NULL, thread_run, intake);
        if (r)
            return FAULT(r);
        intake->thread_count++;
    }
    return 0;
}

int intake_new(const struct releaser *releaser, const struct setup *setup, struct journal *journal,
               struct aws_client *poller, size_t lanes, struct intake **ret)
{
    CLEANUP(intake_free) struct intake *intake = mem_alloc(sizeof(*intake));
    pthread_condattr_t monotonic;
    int r;

    if (!intake)
        return FAULT(ENOMEM);
    intake->releaser = releaser;
    intake->setup = setup;
    intake->journal = journal;
    intake->poller = poller;
    intake->events = json_array();
    intake->running_max = lanes;
    intake->pause_ms = PAUSE_LEAST_MS;
    intake->settle_ms = SETTLE_MS;
    intake->ready_end = &intake->ready;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&intake->lock, NULL);
    pthread_cond_init(&intake->ready_cond, NULL);
    pthread_cond_init(&intake->settle_cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r = messages_new(releaser->client, setup, &intake->messages);
    if (r == 0)
        r = threads_start(intake, lanes + 2); /* who receives, and who settles */
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
    pthread_cond_broadcast(&in->settle_cond);
    pthread_mutex_unlock(&in->lock);
    for (size_t i = 0; i < in->thread_count; i++)
        pthread_join(in->threads[i], NULL);
    messages_free(&in->messages);
    json_decref(in->events);
    free(in->threads);
    pthread_cond_destroy(&in->ready_cond);
    pthread_cond_destroy(&in->settle_cond);
    pthread_mutex_destroy(&in->lock);
    free(in);
    *intake = NULL;
}
