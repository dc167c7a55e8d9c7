/* What an execution's source actions read, where its start says otherwise than the declaration.
 * Source: CodePipeline API Reference, SourceRevisionOverride; user guide, "Amazon S3 source action". */
#pragma once

#include "base/hash.h"
#include "base/reason.h"
#include "services/codepipeline/engine/plan.h"

#define SOURCE_VERSION_ID "S3_OBJECT_VERSION_ID"
#define SOURCE_KEY "S3_OBJECT_KEY"

/* `overrides` is StartPipelineExecution's sourceRevisions. PIPELINE_E_INVALID. */
int source_overrides_check(const struct plan *plan, const json_t *overrides, struct reason *why) MUST_USE;
/* The override of that revision type for the action, out of the list; NULL: none. Borrowed. */
json_t *source_override(const json_t *overrides, const char *action, const char *type);
bool source_is_s3(const struct plan_action *action);
/* The token under which a pipeline starts once for a version of an object; the launcher's starts have it too.
 */
int source_token(const char *bucket, const char *key, const char *version_id,
                 char ret[HASH_HEX_SIZE]) MUST_USE;
/* Puts what overrides a source action's configuration into it. */
int source_configure(const json_t *overrides, const struct plan_action *action,
                     json_t *configuration) MUST_USE;
