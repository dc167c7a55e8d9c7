/* Answers that take longer than clients and proxies wait. */
#pragma once

#include "services/s3/api.h"

/* Once, before long work that is answered by XML: who has waited for seconds gets 200 and white space, and in
 * the body what comes of it, also an error. Headers that are set later are lost then. `source_version`: of a
 * copy that can be of no other; NULL: none. */
void api_answer_may_be_late(struct call *c, const char *source_version);
