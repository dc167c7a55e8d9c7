/* The types of rules that stages' conditions are made of. */
#pragma once

#include "base/reason.h"
#include <jansson.h>

/* All, as ListRuleTypes shows them. */
int rule_type_list(json_t **ret) MUST_USE;
/* Checks one rule against its type. PIPELINE_E_STAGE_DECLARATION. */
int rule_type_check(const json_t *rule, const char *stage, struct reason *why) MUST_USE;
