/* What the engine's own rules read; also used where a declaration is checked. */
#pragma once

#include "wire/cron.h"
#include <jansson.h>

#define RULE_E_INVALID 1

/* A DeploymentWindow rule's Cron and TimeZone (none: UTC). RULE_E_INVALID with words. */
int window_read(const json_t *configuration, struct cron *ret_cron, struct zone *ret_zone,
                struct reason *why) MUST_USE;
/* Of a VariableCheck rule. */
bool operator_known(const char *name);
