/* Values of the properties that a custom action type calls secret: its job workers alone are told them.
 * Whoever writes back what they read keeps them. Source: CodePipeline API Reference,
 * ActionConfigurationProperty. */
#pragma once

#include "services/service.h"
#include <jansson.h>

/* Whether the type, as it is kept, has such a property and calls it secret. */
bool secrets_has(const json_t *type, const char *property);
/* In the caller's own declaration, or list of ActionDeclarations. */
int secrets_hide(struct tx *tx, const char *account, json_t *declaration) MUST_USE;
int secrets_hide_actions(struct tx *tx, const char *account, json_t *actions) MUST_USE;
/* An action's configuration as it may be shown: itself, or a copy. NULL stays NULL. */
int secrets_shown(struct tx *tx, const char *account, const json_t *type_id, const json_t *configuration,
                  json_t **ret) MUST_USE;
/* The declaration with the secrets of `before` (NULL: there is none) where it has asterisks: itself, or a
 * copy. PIPELINE_E_ACTION_DECLARATION: there was no such secret before. */
int secrets_keep(struct tx *tx, const char *account, const json_t *before, json_t *declaration, json_t **ret,
                 struct reason *why) MUST_USE;
