/* A template's parameters: declarations, what the caller gives, what they evaluate to. */
#pragma once

#include "base/arena.h"
#include "db/db.h"
#include "services/cloudformation/template.h"

struct platform;

/* Are the declarations well-formed? STACK_E_INVALID. */
int parameters_check(const struct template *template, struct reason *why) MUST_USE;
/* `given`: [{ParameterKey, ParameterValue | UsePreviousValue}] or NULL; `previous`: what an earlier call
 * gave, or NULL. *ret: name → {"value", "resolved"?}, resolved for SSM parameters. STACK_E_INVALID. */
int parameters_resolve(struct tx *tx, const struct platform *platform, const char *account,
                       const struct template *template, const json_t *given, const json_t *previous,
                       json_t **ret, struct reason *why) MUST_USE;
/* Name → what Ref gives: a text, or a list for list types. */
json_t *parameters_values(const struct template *template, const json_t *resolved) MUST_USE;
/* [{ParameterKey, ParameterValue, ResolvedValue?}], NoEcho masked; `template` NULL: it has no such parameter.
 */
json_t *parameters_show(const struct template *template, const json_t *resolved) MUST_USE;
bool parameter_no_echo(const json_t *declaration);
