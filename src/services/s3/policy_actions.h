/* The actions that a bucket's policy may name. */
#pragma once

#include "base/base.h"

/* Whether it is S3's, or a pattern of such. */
bool policy_action_is(const char *action);
/* Whether what it stands for is done to buckets, or to objects. */
bool policy_action_of_bucket(const char *action);
bool policy_action_of_object(const char *action);
/* Whether requests for the action may have the condition key; of patterns, and of keys that most requests
 * have, it is not denied. */
bool policy_action_has_key(const char *action, const char *key);
