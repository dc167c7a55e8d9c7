/* Queue policies as documents: their form, and the statements that AddPermission makes. */
#pragma once

#include "services/sqs/queue.h"

/* SQS_E_ATTRIBUTE_VALUE, SQS_E_OVER_LIMIT. */
int queue_policy_check(const char *text, struct reason *why) MUST_USE;

/* "sqs:SetQueueAttributes": what no policy can give to another account. */
bool queue_action_of_owner(const char *action);

struct permission {
    const char *label;
    const json_t *accounts; /* lists of texts, not empty */
    const json_t *actions;
};

/* *ret: the queue's policy with the permission, or without those of the label ("": there is none left); the
 * caller's. SQS_E_PARAMETER, SQS_E_OVER_LIMIT, SQS_E_ATTRIBUTE_VALUE: the policy that is there is none. */
int queue_policy_permit(struct tx *tx, const struct platform *platform, const struct queue *queue,
                        const struct permission *permission, char **ret, struct reason *why) MUST_USE;
int queue_policy_forbid(const struct queue *queue, const char *label, char **ret,
                        struct reason *why) MUST_USE;
