/* What an execution's source actions read, where its start says otherwise than the declaration.
 * Source: CodePipeline API Reference, SourceRevisionOverride; user guide, "Amazon S3 source action". */
#pragma once

#include "base/hash.h"
#include "base/reason.h"
#include "services/codepipeline/engine/plan.h"

#define SOURCE_VERSION_ID "S3_OBJECT_VERSION_ID"
#define SOURCE_KEY "S3_OBJECT_KEY"
#define SOURCE_COMMIT "COMMIT_ID"
#define SOURCE_GIT "CodeStarSourceConnection" /* the provider of Git repositories */

/* `overrides` is StartPipelineExecution's sourceRevisions. PIPELINE_E_INVALID. */
int source_overrides_check(const struct plan *plan, const json_t *overrides, struct reason *why) MUST_USE;
/* The override of that revision type for the action, out of the list; NULL: none. Borrowed. */
json_t *source_override(const json_t *overrides, const char *action, const char *type);
/* The one that says which revision the action takes; NULL: none. Borrowed. */
json_t *source_pin(const json_t *overrides, const struct plan_action *action);
bool source_pins(const json_t *override);
/* The revision type that pins the action; NULL: none does. */
const char *source_pin_type(const struct plan_action *action);
bool source_is_s3(const struct plan_action *action);
/* The token under which a pipeline starts once for a version of an object; the launcher's starts have it too.
 */
int source_token(const char *bucket, const char *key, const char *version_id,
                 char ret[HASH_HEX_SIZE]) MUST_USE;
/* Puts what overrides a source action's configuration into it. */
int source_configure(const json_t *overrides, const struct plan_action *action,
                     json_t *configuration) MUST_USE;

/* Of a declaration, borrowed; NULL: there is none. The source action of that name, and its trigger. */
const json_t *source_declared(const json_t *declaration, const char *name);
const json_t *source_trigger(const json_t *declaration, const char *name);
bool source_is_git(const json_t *type); /* an actionTypeId */
/* A Git source that pushes shall start its pipeline by: it has a trigger, or detects changes. */
bool source_wants_events(const json_t *declaration, const json_t *action);
