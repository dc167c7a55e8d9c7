/* The entries of a batch, as SQS and SNS take them: each has an Id of its own in the batch. */
#pragma once

#include "wire/json.h"

enum batch_flaw {
    BATCH_SOUND,
    BATCH_EMPTY,
    BATCH_TOO_MANY,
    BATCH_BAD_ID, /* none, too long, or of other letters than [A-Za-z0-9_-] */
    BATCH_REPEATED_ID,
};

/* The first flaw. *ret_id: the Id that has it, borrowed from `entries`; NULL where none is meant. */
enum batch_flaw batch_check(const json_t *entries, size_t most, const char **ret_id);
