/* What jobs that were offered lately say (JobData without credentials), in memory: who takes one need not
 * read it from its text again. A job's data never changes, and an id that was never committed is never asked
 * for. */
#pragma once

#include "base/base.h"
#include <jansson.h>

/* Nobody changes `data` afterwards. */
void job_data_keep(const char *job_id, json_t *data);
/* A reference to it, to be read only; NULL: it is kept no more. */
json_t *job_data_find(const char *job_id) MUST_USE;
