/* Field tables of freezes, which are Slipway's own. */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const struct field fields_patterns[] = {
    {"member", FIELD_STRING, .min = 1, .max = 1100},
};
static const struct shape shape_patterns = SHAPE(fields_patterns);

static const struct field fields_recurrence[] = {
    {"rule", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 255},
    {"start", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 19, .max = 19},
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

static const struct field fields_freeze_out[] = {
    SPEC,
    {"state", FIELD_STRING},
    {"holdsUntil", FIELD_TIMESTAMP},
    {"createdBy", FIELD_STRING},
    {"createdAt", FIELD_TIMESTAMP},
    {"endedAt", FIELD_TIMESTAMP},
    {"endedBy", FIELD_STRING},
    {"endedWhy", FIELD_STRING},
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
