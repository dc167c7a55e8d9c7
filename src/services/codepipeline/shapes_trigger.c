/* Field tables of triggers. Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codepipeline/texts.h"

static const struct field fields_patterns[] = {
    {"member", FIELD_STRING, .min = 1, .max = 255, .check = text_is_line, .check_says = ".*"},
};
static const struct shape shape_patterns = SHAPE(fields_patterns);

static const struct field fields_criteria[] = {
    {"includes", FIELD_LIST, .min = 1, .max = 8, .of = &shape_patterns},
    {"excludes", FIELD_LIST, .min = 1, .max = 8, .of = &shape_patterns},
};
static const struct shape shape_criteria = SHAPE(fields_criteria);

static const struct field fields_push[] = {
    {"tags", FIELD_STRUCT, .of = &shape_criteria},
    {"branches", FIELD_STRUCT, .of = &shape_criteria},
    {"filePaths", FIELD_STRUCT, .of = &shape_criteria},
};
static const struct shape shape_push = SHAPE(fields_push);
static const struct field fields_push_list[] = {{"member", FIELD_STRUCT, .of = &shape_push}};
static const struct shape shape_push_list = SHAPE(fields_push_list);

static const char *const values_pull_request_event[] = {"OPEN", "UPDATED", "CLOSED", NULL};
static const struct field fields_pull_request_event_list[] = {
    {"member", FIELD_STRING, .values = values_pull_request_event},
};
static const struct shape shape_pull_request_event_list = SHAPE(fields_pull_request_event_list);
static const struct field fields_pull_request[] = {
    {"events", FIELD_LIST, .min = 1, .max = 3, .of = &shape_pull_request_event_list},
    {"branches", FIELD_STRUCT, .of = &shape_criteria},
    {"filePaths", FIELD_STRUCT, .of = &shape_criteria},
};
static const struct shape shape_pull_request = SHAPE(fields_pull_request);
static const struct field fields_pull_request_list[] = {{"member", FIELD_STRUCT, .of = &shape_pull_request}};
static const struct shape shape_pull_request_list = SHAPE(fields_pull_request_list);

static const struct field fields_git_configuration[] = {
    NAME("sourceActionName"),
    {"push", FIELD_LIST, .min = 1, .max = 3, .of = &shape_push_list},
    {"pullRequest", FIELD_LIST, .min = 1, .max = 3, .of = &shape_pull_request_list},
};
static const struct shape shape_git_configuration = SHAPE(fields_git_configuration);

static const char *const values_provider_type[] = {"CodeStarSourceConnection", NULL};
static const struct field fields_trigger[] = {
    {"providerType", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_provider_type},
    {"gitConfiguration", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_git_configuration},
};
static const struct shape shape_trigger = SHAPE(fields_trigger);

static const struct field fields_trigger_list[] = {{"member", FIELD_STRUCT, .of = &shape_trigger}};
const struct shape shape_trigger_list = SHAPE(fields_trigger_list);
