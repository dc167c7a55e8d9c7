/* What the operations of sqs share. */
#pragma once

#include "services/service.h"
#include "services/sqs/queue.h"

/* SQS_E_MISSING unless the member is there. */
int api_need(struct call *c, const json_t *in, const char *member) MUST_USE;
/* Loads the queue that QueueUrl names, in `tx`, when the caller may do with it what it asks for.
 * SQS_E_MISSING, SQS_E_ADDRESS, SQS_E_NO_QUEUE, SQS_E_DENIED. */
int api_queue(struct call *c, struct tx *tx, struct queue *ret) MUST_USE;

int api_create_queue(struct call *c);
int api_get_queue_url(struct call *c);
int api_list_queues(struct call *c);
int api_delete_queue(struct call *c);
int api_purge_queue(struct call *c);
int api_get_queue_attributes(struct call *c);
int api_set_queue_attributes(struct call *c);

int api_list_dead_letter_source_queues(struct call *c);

int api_tag_queue(struct call *c);
int api_untag_queue(struct call *c);
int api_list_queue_tags(struct call *c);

int api_add_permission(struct call *c);
int api_remove_permission(struct call *c);

int api_send_message(struct call *c);
int api_receive_message(struct call *c);
int api_delete_message(struct call *c);
int api_change_message_visibility(struct call *c);

int api_send_message_batch(struct call *c);
int api_delete_message_batch(struct call *c);
int api_change_message_visibility_batch(struct call *c);

/* One message, also of a batch: checks, sends, and fills MessageId and the digests. */
int api_send_one(struct call *c, const struct queue *queue, const json_t *in, json_t *out) MUST_USE;
int api_delete_one(struct call *c, const struct queue *queue, const json_t *in, json_t *out) MUST_USE;
int api_change_one(struct call *c, const struct queue *queue, const json_t *in, json_t *out) MUST_USE;
