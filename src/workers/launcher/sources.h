/* The catalog and the release templates, read from their bucket and kept while their ETag is the same. */
#pragma once

#include "workers/call.h"
#include "workers/catalog.h"

struct sources;

struct template
{
    char *text;
    size_t len;
    char version_id[128];
    json_t *parameters; /* the template's own Parameters: name → declaration */
};

/* A catalog or template that stays good while others take newer ones. */
struct source;

int sources_new(struct aws_client *client, struct sources **ret) MUST_USE;
void sources_free(struct sources **sources);

/* A look at one that was sent, so that other requests can be sent before its answer is waited for. */
struct source_ask;
int sources_catalog(struct sources *sources, struct source_ask **ret) MUST_USE;
int sources_template(struct sources *sources, const char *name, struct source_ask **ret) MUST_USE;
/* What was kept before the answer, which *ret of source_answer is if it is current; NULL: nothing. */
const struct source *source_ask_kept(const struct source_ask *ask);
/* As it was some time after it was asked for. Ends with *ask NULL. WORK_E_ABSENT (none was applied),
 * WORK_E_FAILED (cannot be read: words), WORK_E_RETRY. */
int source_answer(struct source_ask **ask, struct source **ret, struct reason *why) MUST_USE;
void source_ask_free(struct source_ask **ask); /* CLEANUP-able */
const struct catalog *source_catalog(const struct source *source);
const struct template *source_template(const struct source *source);
void source_unref(struct source **source); /* CLEANUP-able */
