/* What a pipeline's declaration must hold to. */
#pragma once

#include "base/reason.h"
#include "db/db.h"
#include "services/service.h"

extern const struct shape shape_declaration; /* PipelineDeclaration */
extern const struct shape shape_tag;

/* Field table first, then AWS's rules of structure. PIPELINE_E_STRUCTURE, PIPELINE_E_STAGE_DECLARATION,
 * PIPELINE_E_ACTION_DECLARATION. */
int declaration_check(struct tx *tx, const char *account, const char *region, const json_t *declaration,
                      struct reason *why) MUST_USE;
#define DECLARATION_MODE "SUPERSEDED" /* of a declaration that does not say it */
/* The type of one that does not say it. */
const char *declaration_type_default(bool variables, bool triggers);
/* "V1" or "V2", "SUPERSEDED", "QUEUED" or "PARALLEL": what it says, or what it is without saying so. */
const char *declaration_type(const json_t *declaration);
const char *declaration_mode(const json_t *declaration);
/* Both, into `out`, which may be the declaration: they are always shown, as on AWS. */
int declaration_put_kind(json_t *out, const json_t *declaration) MUST_USE;
/* Defaults as AWS stores them: runOrder, region-less actions, empty lists. A new object. */
int declaration_normalise(const json_t *declaration, int64_t version, json_t **ret) MUST_USE;
