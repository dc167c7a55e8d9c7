/* Action types: AWS's own that anchors know how to run, and an account's custom ones. */
#pragma once

#include "base/reason.h"
#include "db/db.h"
#include "services/codepipeline/codepipeline.h"

/* An action type as ListActionTypes shows it: {id, settings, actionConfigurationProperties,
 * inputArtifactDetails, outputArtifactDetails}; the caller's reference. DB_NONE: there is none. */
int action_type_find(struct tx *tx, const char *account, const json_t *id, json_t **ret) MUST_USE;
/* A custom one, also one that was deleted. DB_NONE. */
int action_type_known(struct tx *tx, const char *account, const json_t *id, json_t **ret) MUST_USE;
/* All of an owner ("AWS", "Custom", NULL: of both), as a list. */
int action_type_list(struct tx *tx, const char *account, const char *owner, json_t **ret) MUST_USE;
/* `in` is CreateCustomActionType's input. PIPELINE_E_LIMIT when the version exists, or was deleted and was
 * another; one that was the same comes back, as on AWS. */
int action_type_create(struct tx *tx, const char *account, const json_t *in, json_t **ret,
                       struct reason *why) MUST_USE;
int action_type_delete(struct tx *tx, const char *account, const char *category, const char *provider,
                       const char *version) MUST_USE;
/* GetActionType's answer. PIPELINE_E_ACTION_TYPE_NOT_FOUND. */
int action_type_describe(struct tx *tx, const char *account, const json_t *id, json_t **ret,
                         struct reason *why) MUST_USE;
/* `declaration` is UpdateActionType's. PIPELINE_E_ACTION_TYPE_NOT_FOUND, PIPELINE_E_REQUEST_FAILED. */
int action_type_update(struct tx *tx, const char *account, const json_t *declaration,
                       struct reason *why) MUST_USE;
/* Of a custom type, as it is stored: its queryable property and its counts. PIPELINE_E_INVALID. */
int action_type_declaration_check(const json_t *type, struct reason *why) MUST_USE;
/* Checks one action's artifact counts and configuration against its type, and an AWS type's own rules.
 * PIPELINE_E_ACTION_DECLARATION. */
int action_type_check(const json_t *type, const json_t *action, struct reason *why) MUST_USE;
