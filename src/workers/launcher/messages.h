/* Messages of the artifact events' queue that were received and not settled yet: kept invisible to others
 * until the queue knows what became of them. */
#pragma once

#include "workers/launcher/setup.h"
#include <jansson.h>

struct message {
    char *receipt;
    char *body;
    int64_t receives;
    int left;    /* tasks not done: the intake's */
    int outcome; /* the worst of its tasks': WORK_E_FAILED over WORK_E_RETRY over 0 */
    struct message *next_done;
    int64_t keep_at_ms; /* when it must be kept invisible again */
    struct message *next;
};

struct messages;

int messages_new(struct aws_client *client, const struct setup *setup, struct messages **ret) MUST_USE;
/* Once all are settled. */
void messages_free(struct messages **messages);

/* Of ReceiveMessage's answer. NULL without memory: it becomes visible again. */
struct message *message_read(const json_t *from);
/* Of one that was not put. */
void message_free(struct message *message);

/* Keeps it invisible from now on. */
void messages_put(struct messages *messages, struct message *message);
/* Waits while there are as many as there may be. */
void messages_await_room(struct messages *messages);
/* Tells the queue what became of them, by their outcome: done with, and deleted; failed, sent to the
 * dead-letter queue and deleted; else given back. Takes the list, by `next_done`. */
void messages_settle(struct messages *messages, struct message *done);
