/* Pages of parameters by name. */
#pragma once

#include "services/ssm/store.h"

struct call;

/* Fills c->out's Parameters and NextToken with those below `path` (NULL: all) that pass c->in's
 * ParameterFilters, at most c->in's MaxResults (absent: `most`), each shown by `show`. */
int ssm_list(struct call *c, const char *path, bool recursive, int64_t most,
             int (*show)(struct call *c, const struct ssm_row *row, json_t *list)) MUST_USE;
/* A version without its value; NULL when out of memory. */
json_t *ssm_metadata_json(const struct parameter *parameter) MUST_USE;
