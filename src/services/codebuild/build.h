/* What codebuild's files share about one build: its mover, its phases, its forms. */
#pragma once

#include "services/codebuild/store.h"

#define CODEBUILD_TOPIC_DUE "codebuild:due" /* something is due earlier than it was */

/* Topics: the end of one build (by the UUID in its id), of any build of an account; builds that wait there.
 */
#define CODEBUILD_TOPIC_BUILD "codebuild:build:%s"
#define CODEBUILD_TOPIC_BUILDS "codebuild:builds:%s"
#define CODEBUILD_TOPIC_WAITING "codebuild:waiting:%s"

const char *build_uuid(const char *id); /* what follows the colon; "" when there is none */

/* The one place where a build's state changes; asserts that the table of transitions has the move. */
void build_move(struct build *build, enum build_state to);
/* Begins a phase and ends the one before as SUCCEEDED, if it is open. */
int build_enter(struct build *build, const char *phase, int64_t now_ms) MUST_USE;
/* Ends build and open phase with `status`, says why (both words may be NULL), saves, signals. */
int build_finish(struct tx *tx, struct build *build, const char *status, const char *code,
                 const char *message) MUST_USE;
/* Saves after a move and tells those who wait for it. */
int build_save_changed(struct tx *tx, const struct build *build) MUST_USE;

/* The lease itself, of a build that waits: to be saved by the caller. */
int build_take(struct build *build, const char *worker, int64_t now_ms) MUST_USE;
/* The same of one that is stored already. */
int build_take_saved(struct tx *tx, struct build *build, const char *worker) MUST_USE;

/* Makes the build's log stream, and its group where there is none. */
int build_log_prepare(struct tx *tx, const struct build *build) MUST_USE;
/* Puts lines, as PutLogEvents takes them, into the build's stream. */
int build_log_put(struct tx *tx, const struct build *build, const json_t *events) MUST_USE;

int phase_end(struct build *build, const char *type, const char *status, int64_t now_ms) MUST_USE;
int phase_note(struct build *build, const char *type, const char *code, const char *message) MUST_USE;
/* Takes over a worker's list of phases. */
int phase_merge(struct build *build, const json_t *reported, int64_t now_ms) MUST_USE;
/* Drops all phases after QUEUED and opens that anew: the build waits again. */
int phase_rewind(struct build *build, int64_t now_ms) MUST_USE;

/* The fixed part of a build from its project and StartBuild's input. CODEBUILD_E_INVALID. */
int spec_make(const json_t *project, const json_t *input, const char *account, const char *id,
              const char *initiator, json_t **ret, struct reason *why) MUST_USE;
/* The build as BatchGetBuilds shows it, and as PollForBuilds does. */
int build_show(const struct build *build, const struct platform *platform, json_t **ret) MUST_USE;
int build_show_work(const struct build *build, const struct platform *platform, int64_t now_ms,
                    json_t **ret) MUST_USE;
