/* Which files a change has, where its event does not tell: the source action's anchor asks git, as a job of
 * no execution. The pipeline starts if one of them passes the filters, and also if nobody can tell. */
#pragma once

#include "services/codepipeline/store.h"
#include "services/codepipeline/webhook.h"

/* `event` is one of webhook_events'. PIPELINE_E_NOT_FOUND, PIPELINE_E_INVALID. */
int git_look_ask(struct tx *tx, const struct platform *platform, const struct webhook *webhook,
                 const json_t *event, struct reason *why) MUST_USE;
bool git_look_is(const struct job_row *row);
/* What git has told: `in` is the worker's result. The job's row is written already. */
int git_look_end(struct tx *tx, const struct platform *platform, struct job_row *row, const json_t *in,
                 bool success) MUST_USE;
/* Nobody has told in time. */
int git_look_time_out(struct tx *tx, const struct platform *platform, struct job_row *row) MUST_USE;
/* Those of a pipeline that goes. */
int git_looks_forget(struct tx *tx, const struct pipeline *pipeline) MUST_USE;
/* Appends a text for each that waits. */
int git_looks_explain(struct tx *tx, const struct pipeline *pipeline, json_t *list) MUST_USE;
