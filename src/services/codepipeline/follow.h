/* Which pipelines follow which objects: those whose S3 source actions do not say PollForSourceChanges
 * "false".
 *
 * AWS polls; here the transaction that makes the object starts the pipeline too, so that no version is missed
 * and none starts it twice. */
#pragma once

#include "services/codepipeline/store.h"

struct object_created;

/* Keeps what the declaration, the pipeline's present one, follows. */
int follow_put(struct tx *tx, const struct pipeline *pipeline, const json_t *declaration) MUST_USE;
/* The service's object_created: starts each pipeline that follows the object, pinned to its version. */
int follow_object(struct tx *tx, const struct platform *platform,
                  const struct object_created *object) MUST_USE;
