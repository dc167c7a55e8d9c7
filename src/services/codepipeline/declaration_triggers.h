/* What a declaration's triggers must hold to. */
#pragma once

#include "base/reason.h"
#include <jansson.h>

/* PIPELINE_E_STRUCTURE. */
int declaration_triggers_check(const json_t *declaration, struct reason *why) MUST_USE;
