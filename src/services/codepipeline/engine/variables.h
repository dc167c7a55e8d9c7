/* `#{NAMESPACE.KEY}` in action configurations. Source: CodePipeline user guide, "Variables". */
#pragma once

#include "base/reason.h"
#include <jansson.h>

#define VARIABLES_E_UNRESOLVED 1
#define VARIABLE_EXECUTION_ID                                                                                \
    "PipelineExecutionId" /* of the namespace `codepipeline`, which all pipelines have */

/* The next reference in *text, without its signs, and what follows it; false: there is no more. */
bool variables_next(struct str *text, struct str *ret_reference);

/* What an execution's actions may refer to. */
struct variables {
    const char *execution_id;
    const json_t *given; /* by actions so far: {NAMESPACE: {KEY: text}}; may be NULL */
};

/* A new object: every text of `configuration` (may be NULL) with its references replaced; texts that have
 * none are shared. VARIABLES_E_UNRESOLVED with the reference in *why. */
int variables_resolve(const json_t *configuration, const struct variables *variables, json_t **ret,
                      struct reason *why) MUST_USE;
/* The same for a list of texts, or of objects of texts. */
int variables_resolve_list(const json_t *list, const struct variables *variables, json_t **ret,
                           struct reason *why) MUST_USE;
