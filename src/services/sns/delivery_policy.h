/* When a failed delivery is tried again. Source: SNS Developer Guide, "Message delivery retries". */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

enum backoff { BACKOFF_LINEAR, BACKOFF_ARITHMETIC, BACKOFF_GEOMETRIC, BACKOFF_EXPONENTIAL };

/* Of all retries the first ones come without delay, then some min_delay_s apart, the last ones max_delay_s
 * apart; between them the delay grows from one to the other. */
struct retry_policy {
    int64_t retries;
    int64_t no_delay_retries;
    int64_t min_delay_retries;
    int64_t max_delay_retries;
    int64_t min_delay_s;
    int64_t max_delay_s;
    enum backoff backoff;
};

extern const struct retry_policy retry_policy_email;

/* Milliseconds until the next try after `failed` tries; -1: no more. */
int64_t retry_delay_ms(const struct retry_policy *policy, int64_t failed);
/* A topic's DeliveryPolicy ({"http": …}) or a subscription's. SNS_E_PARAMETER. */
int delivery_policy_check(const char *text, bool of_topic, struct reason *why) MUST_USE;
/* What holds for a subscription: defaults, the topic's, the subscription's. Either may be NULL.
 * {healthyRetryPolicy, throttlePolicy?, requestPolicy}; a new object. */
int delivery_policy_effective(const json_t *topic, const json_t *subscription, json_t **ret) MUST_USE;
/* The retry policy of an effective policy. */
void delivery_policy_retries(const json_t *effective, struct retry_policy *ret);
