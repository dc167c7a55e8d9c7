/* What a message must be, for Publish and PublishBatch. */
#pragma once

#include "services/sns/topic.h"

/* ret_bytes: of text and attributes. SNS_E_PARAMETER, SNS_E_PARAMETER_VALUE. */
int publication_check(const struct publication *publication, size_t *ret_bytes, struct reason *why) MUST_USE;
