/* Stored parts in the API's forms. */
#pragma once

#include "db/db.h"
#include <jansson.h>

/* A column of JSON text; damage is FAULT(EBADMSG). */
int json_column(struct rows *rows, int column, json_t **ret) MUST_USE;
/* "STANDARD" or "ROLLBACK", by an execution's `data`. */
const char *show_type(const json_t *data);
/* The trigger, stop reason and summary of an execution's `data`, and its mode, into `out`. */
int show_execution(json_t *out, const char *id, const char *status, const json_t *data) MUST_USE;
/* [{actionName, revisionId, revisionSummary}]: what the sources found, or until then what was asked for. */
int show_source_revisions(const json_t *data, json_t **ret) MUST_USE;
/* GetPipelineExecution's variables and artifactRevisions of an execution's `data`, into `out`. */
int show_variables(json_t *out, const json_t *data) MUST_USE;
int show_revisions(json_t *out, const json_t *data) MUST_USE;
/* [{name, s3location: {bucket, key}, sha256}] of a run's artifacts. */
int show_artifacts(const json_t *artifacts, json_t **ret) MUST_USE;
