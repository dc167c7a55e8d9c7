/* Which parameters a listing is about: the filters of DescribeParameters and GetParametersByPath. */
#pragma once

#include "services/ssm/store.h"

/* Refuses filters that the API would. SSM_E_FILTER_KEY, SSM_E_FILTER_OPTION, SSM_E_FILTER_VALUE. */
int filters_check(const json_t *filters, struct reason *why) MUST_USE;
/* Does the row pass all of them? `tags` is the row's list of {"Key","Value"}. */
bool filters_pass(const json_t *filters, const struct parameter *parameter, const json_t *tags);
bool filters_need_tags(const json_t *filters);
/* Is the name below the path, directly or (recursive) at any depth? */
bool path_holds(const char *path, bool recursive, const char *name);
