/* Freezes as they are stored. */
#pragma once

#include "db/db.h"
#include "services/codepipeline/engine/freeze.h"

struct platform;
struct principal;

int freezes_load(struct tx *tx, const char *account, int64_t now_ms, struct flow *flow) MUST_USE;
/* Replaces the one of that name. *ret is as ListFreezes shows it. PIPELINE_E_INVALID, PIPELINE_E_LIMIT. */
int freeze_put(struct tx *tx, const struct principal *caller, const json_t *spec, json_t **ret,
               struct reason *why) MUST_USE;
/* PIPELINE_E_RESOURCE_NOT_FOUND. */
int freeze_end(struct tx *tx, const struct principal *caller, const char *name, const char *reason,
               struct reason *why) MUST_USE;
struct freeze_query {
    const char *name; /* "": any */
    bool ended;       /* those, too */
    int64_t before;   /* an ordinal; INT64_MAX: from the newest */
    int64_t max;
};

/* The newest first. *ret_next: the ordinal to go on before; 0: there is no more. */
int freeze_list(struct tx *tx, const char *account, const struct freeze_query *query, json_t **ret,
                int64_t *ret_next) MUST_USE;
