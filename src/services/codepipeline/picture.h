/* Pictures of pipelines that moved lately, kept in memory between their events: a step of theirs reads
 * nothing that it knows. What decides is the stamp in the pipeline's row, which every change of the pipeline
 * makes anew and no two changes share: a picture serves while the row has the stamp that it was kept under.
 * One whose transaction was never committed does no harm, and another process's change is seen. */
#pragma once

#include "services/codepipeline/store.h"

/* The picture as the database has it now, as flow_load gives it: the caller's, who keeps it again after
 * flow_save. */
int picture_open(struct tx *tx, const struct pipeline *pipeline, const char *also,
                 struct flow **ret) MUST_USE;
/* The pipeline's row as well, without reading it: in a write transaction, of one whose picture is kept and of
 * which nothing was undone since. */
bool picture_pipeline(struct tx *tx, const char *id, struct pipeline *ret);
/* Its row is changed, or goes, otherwise than by flow_save. */
void picture_drop(const char *pipeline_id);
/* After flow_save, in its transaction. What was meanwhile changed by another step is not kept. */
void picture_keep(struct tx *tx, const struct pipeline *pipeline, struct flow **flow);
/* One that no change has had, nor will have. */
int64_t picture_stamp(void);
