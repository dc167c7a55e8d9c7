/* Quotas as requests meet them; what they are is usage.h's. */
#pragma once

#include "services/s3/api.h"

int api_list_usage(struct call *c);
int api_put_quota(struct call *c);
/* Before a large body is taken: would it be too much for the caller's account, when it replaces what it
 * replaces? S3_E_QUOTA. */
int api_check_quota(struct call *c, int64_t len) MUST_USE;
