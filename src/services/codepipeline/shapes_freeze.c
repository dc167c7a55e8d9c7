/* Field tables of freezes, which are Slipway's own. */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const struct field fields_patterns[] = {
    {"member", FIELD_STRING, .min = 1, .max = 1100},
};
static const struct shape shape_patterns = SHAPE(fields_patterns);

static const struct field fields_recurrence[] = {
    {"rule", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 255},
    {"start", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 64},
    {"durationMinutes", FIELD_INTEGER, .flags = FIELD_REQUIRED, .min = 1, .max = 527040},
    {"timeZone", FIELD_STRING, .min = 1, .max = 64},
};
static const struct shape shape_recurrence = SHAPE(fields_recurrence);

#define SPEC                                                                                                 \
    NAME("name"), {"reason", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 300},                   \
        {"pipelines", FIELD_LIST, .min = 1, .max = 100, .of = &shape_patterns},                              \
        {"applications", FIELD_LIST, .min = 1, .max = 100, .of = &shape_patterns},                           \
        {"environments", FIELD_LIST, .min = 1, .max = 100, .of = &shape_patterns},                           \
        {"allow", FIELD_LIST, .min = 1, .max = 100, .of = &shape_patterns}, {"startsAt", FIELD_TIMESTAMP},   \
        {"endsAt", FIELD_TIMESTAMP},                                                                         \
    {                                                                                                        \
        "recurrence", FIELD_STRUCT, .of = &shape_recurrence                                                  \
    }

static const struct field fields_put_freeze_input[] = {SPEC};
const struct shape shape_put_freeze_input = SHAPE(fields_put_freeze_input);

static const struct field fields_held_stage[] = {
    {"pipelineName", FIELD_STRING},
    {"stageName", FIELD_STRING},
};
static const struct shape shape_held_stage = SHAPE(fields_held_stage);
static const struct field fields_held_stages[] = {{"member", FIELD_STRUCT, .of = &shape_held_stage}};
static const struct shape shape_held_stages = SHAPE(fields_held_stages);

static const struct field fields_held_execution[] = {
    {"pipelineName", FIELD_STRING},
    {"stageName", FIELD_STRING},
    {"pipelineExecutionId", FIELD_STRING},
};
static const struct shape shape_held_execution = SHAPE(fields_held_execution);
static const struct field fields_held_executions[] = {{"member", FIELD_STRUCT, .of = &shape_held_execution}};
static const struct shape shape_held_executions = SHAPE(fields_held_executions);

static const struct field fields_unmatched[] = {
    {"list", FIELD_STRING},
    {"pattern", FIELD_STRING},
    {"near", FIELD_LIST, .of = &shape_texts},
};
static const struct shape shape_unmatched = SHAPE(fields_unmatched);
static const struct field fields_unmatched_list[] = {{"member", FIELD_STRUCT, .of = &shape_unmatched}};
static const struct shape shape_unmatched_list = SHAPE(fields_unmatched_list);

static const struct field fields_held[] = {
    {"pipelineCount", FIELD_INTEGER},
    {"stageCount", FIELD_INTEGER},
    {"stages", FIELD_LIST, .of = &shape_held_stages},
    {"executionCount", FIELD_INTEGER},
    {"executions", FIELD_LIST, .of = &shape_held_executions},
    {"unmatched", FIELD_LIST, .of = &shape_unmatched_list},
};
static const struct shape shape_held = SHAPE(fields_held);

static const struct field fields_freeze_out[] = {
    SPEC,
    {"state", FIELD_STRING},
    {"holdsFrom", FIELD_TIMESTAMP},
    {"holdsUntil", FIELD_TIMESTAMP},
    {"createdBy", FIELD_STRING},
    {"createdAt", FIELD_TIMESTAMP},
    {"endedAt", FIELD_TIMESTAMP},
    {"endedBy", FIELD_STRING},
    {"endedWhy", FIELD_STRING},
    {"held", FIELD_STRUCT, .of = &shape_held},
};
static const struct shape shape_freeze_out = SHAPE(fields_freeze_out);

static const struct field fields_put_freeze_output[] = {
    {"freeze", FIELD_STRUCT, .of = &shape_freeze_out},
};
const struct shape shape_put_freeze_output = SHAPE(fields_put_freeze_output);

static const struct field fields_delete_freeze_input[] = {
    NAME("name"),
    {"reason", FIELD_STRING, .min = 1, .max = 300},
};
const struct shape shape_delete_freeze_input = SHAPE(fields_delete_freeze_input);

static const struct field fields_list_freezes_input[] = {
    {"includeEnded", FIELD_BOOLEAN},
    {"includeHeld", FIELD_BOOLEAN},
    {"name", FIELD_STRING, .min = 1, .max = 100},
    {"maxResults", FIELD_INTEGER, .min = 1, .max = 100},
    {"nextToken", FIELD_STRING, .min = 1, .max = 2048},
};
const struct shape shape_list_freezes_input = SHAPE(fields_list_freezes_input);

static const struct field fields_freeze_list_out[] = {
    {"member", FIELD_STRUCT, .of = &shape_freeze_out},
};
static const struct shape shape_freeze_list_out = SHAPE(fields_freeze_list_out);

static const struct field fields_list_freezes_output[] = {
    {"freezes", FIELD_LIST, .of = &shape_freeze_list_out},
    {"nextToken", FIELD_STRING},
};
const struct shape shape_list_freezes_output = SHAPE(fields_list_freezes_output);
