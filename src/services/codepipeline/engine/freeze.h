/* Freezes: what stops the line. A freeze holds executions before the stages that it names, and keeps those
 * that are in such a stage from beginning further actions; what runs goes on, and a rollback goes through. */
#pragma once

#include "services/codepipeline/engine/flow.h"

#define FREEZES_MAX 100 /* in force in one account */

/* `spec` is PutFreeze's input:
 *   {name, reason, pipelines?: [pattern], applications?: [pattern of ACCOUNT/APP/BRANCH], environments?:
 * [pattern of a stage's name or of an account in which it acts], allow?: [pattern of a pipeline, an
 * execution's id, an artifact's version or SHA-256], startsAt?: ms, endsAt?: ms, recurrence?: {rule, start,
 * durationMinutes, timeZone?}} Patterns have * and ?. A list that is missing names everything (`allow`:
 * nothing). */
struct freeze {
    json_t *spec;
    char *by;
};

/* PIPELINE_E_INVALID. */
int freeze_check(const json_t *spec, struct reason *why) MUST_USE;
/* When it lets go, if it holds at now_ms: INT64_MAX when it is to be ended by hand; 0: it does not hold. */
int64_t freeze_until(const json_t *spec, int64_t now_ms);
/* When it begins to hold the next time, later than now_ms; 0: it does not. */
int64_t freeze_from(const json_t *spec, int64_t now_ms);
/* The first freeze that holds the stage at flow->now_ms, for that execution (NULL: for any). NULL: none. */
const struct freeze *freeze_find(const struct flow *flow, const struct plan *plan, size_t stage,
                                 const struct execution *execution, int64_t *ret_until_ms);
/* The one for which the execution stands still: before a stage, or in one with nothing under way. */
const struct freeze *freeze_holding(const struct flow *flow, const struct execution *execution,
                                    int64_t *ret_until_ms);
void freeze_free(struct freeze *freeze);

/* ---- what it is about, whether it holds or not */

/* The stage of a pipeline of account `own`, for that execution (NULL: as it is declared). */
bool freeze_names(const json_t *spec, const char *own, const struct plan *plan, size_t stage,
                  const struct execution *execution);

enum freeze_list { FREEZE_PIPELINES, FREEZE_APPLICATIONS, FREEZE_ENVIRONMENTS, FREEZE_LISTS };
extern const char *const freeze_lists[FREEZE_LISTS]; /* their members in the spec */

/* Adds what the lists' patterns can be about in this pipeline to the objects' keys. */
int freeze_names_add(const struct plan *plan, const char *own, json_t *const names[FREEZE_LISTS]) MUST_USE;
bool freeze_pattern_names(enum freeze_list list, const char *pattern, const char *name);
