/* What a stage's beforeEntry, onSuccess and onFailure must hold to. */
#pragma once

#include "base/reason.h"
#include <jansson.h>

/* PIPELINE_E_STAGE_DECLARATION. `first`: the source stage. */
int declaration_conditions_check(const json_t *declaration, const json_t *stage, bool first,
                                 struct reason *why) MUST_USE;
