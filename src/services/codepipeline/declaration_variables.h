/* What a declaration's references to variables must hold to. */
#pragma once

#include "base/reason.h"
#include <jansson.h>

/* PIPELINE_E_ACTION_DECLARATION, PIPELINE_E_STAGE_DECLARATION (of a rule's). */
int declaration_variables_check(const json_t *declaration, struct reason *why) MUST_USE;
