/* Which messages a subscription wants. Source: SNS Developer Guide, "Message filtering". */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

/* `nested` for FilterPolicyScope MessageBody. SNS_E_PARAMETER. */
int filter_policy_check(const char *text, bool nested, struct reason *why) MUST_USE;
/* `policy` has been checked; `values` is an object: of values or lists of them (MessageAttributes), or a
 * message's parsed body. */
bool filter_policy_matches(const json_t *policy, const json_t *values);
/* MessageAttributes as the values that a policy is compared with; a new object. */
int filter_values(const json_t *attributes, json_t **ret) MUST_USE;
