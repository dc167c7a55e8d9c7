/* Pipelines as other services see them: CloudFormation's resources call these inside their own transaction.
 *
 * Every function takes the caller's write transaction, returns 0, a fault, or an enum codepipeline_outcome
 * with words in *why (which may be NULL). `account` is the 12-digit id of the pipeline's owner. Declarations
 * are those of CreatePipeline: {name, roleArn, artifactStore, stages: […]} in the API's lower-camel form. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "db/db.h"
#include "services/codepipeline/engine/outcome.h"
#include "services/iam/principal.h"
#include <jansson.h>

struct platform;

/* In the caller's account; the history says that it was they. `tags` is a list of {"key", "value"} or NULL.
 * Unlike AWS's, a new pipeline does not start by itself: who made it starts it with the source revision that
 * it means. PIPELINE_E_NAME_IN_USE, PIPELINE_E_STRUCTURE, PIPELINE_E_STAGE_DECLARATION,
 * PIPELINE_E_ACTION_DECLARATION, PIPELINE_E_TAGS. */
int pipeline_create(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    json_t *declaration, const json_t *tags, struct reason *why) MUST_USE;
/* The declaration becomes the next version; executions under way keep the one that they started with.
 * PIPELINE_E_NOT_FOUND and as above. `ret_version` may be NULL. */
int pipeline_update(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    json_t *declaration, int64_t *ret_version, struct reason *why) MUST_USE;
/* Stops what runs, cancels jobs under way, removes all that hangs on it. PIPELINE_E_NOT_FOUND (the API's
 * DeletePipeline takes that for done). */
int pipeline_delete(struct tx *tx, const struct platform *platform, const struct principal *caller,
                    const char *name, struct reason *why) MUST_USE;
/* All of its tags, in place of those that it has. PIPELINE_E_TAGS, PIPELINE_E_TOO_MANY_TAGS. */
int pipeline_tags_set(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                      const json_t *tags, struct reason *why) MUST_USE;
/* Closes the way into a stage, or with reason NULL opens it. PIPELINE_E_NOT_FOUND,
 * PIPELINE_E_STAGE_NOT_FOUND. */
int pipeline_transition(struct tx *tx, const struct platform *platform, const struct principal *caller,
                        const char *name, const char *stage, const char *reason, struct reason *why) MUST_USE;
/* `definition` is PutWebhook's. A webhook of that name is changed and keeps its URL. *ret is ListWebhooks'
 * item. PIPELINE_E_NOT_FOUND, PIPELINE_E_WEBHOOK_FILTER, PIPELINE_E_WEBHOOK_AUTHENTICATION, PIPELINE_E_LIMIT,
 * PIPELINE_E_TAGS, PIPELINE_E_TOO_MANY_TAGS, PIPELINE_E_INVALID. */
int webhook_put(struct tx *tx, const struct platform *platform, const char *account, const json_t *definition,
                const json_t *tags, json_t **ret, struct reason *why) MUST_USE;
/* One that is not there is as good as deleted. */
int webhook_delete(struct tx *tx, const struct platform *platform, const char *account,
                   const char *name) MUST_USE;
