/* Field tables of job workers' operations, and the extensions of README.md.
 * Source: the service model of CodePipeline (API version 2015-07-09). */
#include "services/codepipeline/shapes.h"
#include "services/codebuild/shapes.h"
#include "services/codepipeline/texts.h"

static const struct field fields_query_param_map[] = {
    {"member", FIELD_STRING, .min = 1, .max = 50, .check = text_is_word, .check_says = "[a-zA-Z0-9_-]+"},
};
static const struct shape shape_query_param_map = SHAPE(fields_query_param_map);

static const struct field fields_poll_for_jobs_input[] = {
    {"actionTypeId", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_action_type_id},
    {"maxBatchSize", FIELD_INTEGER, .min = 1, .max = INT32_MAX},
    {"queryParam", FIELD_MAP, .min = 0, .max = 1, .of = &shape_query_param_map, .keys = &configuration_keys},
};
const struct shape shape_poll_for_jobs_input = SHAPE(fields_poll_for_jobs_input);

static const struct field fields_get_job_details_input[] = {
    UUID("jobId", FIELD_REQUIRED),
};
const struct shape shape_get_job_details_input = SHAPE(fields_get_job_details_input);

static const struct field fields_current_revision[] = {
    {"revision", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 1500},
    {"changeIdentifier", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 100},
    {"created", FIELD_TIMESTAMP},
    {"revisionSummary", FIELD_STRING, .min = 1, .max = 2048},
};
static const struct shape shape_current_revision = SHAPE(fields_current_revision);

static const struct field fields_execution_details[] = {
    {"summary", FIELD_STRING, .min = 1, .max = 2048},
    {"externalExecutionId", FIELD_STRING, .min = 1, .max = 1500},
    {"percentComplete", FIELD_INTEGER, .min = 0, .max = 100},
};
static const struct shape shape_execution_details = SHAPE(fields_execution_details);

static const struct field fields_output_digest[] = {
    WORD("name", 100),
    {"sha256", FIELD_STRING, .flags = FIELD_REQUIRED, .check = text_is_sha256, .check_says = "[0-9a-f]{64}"},
};
static const struct shape shape_output_digest = SHAPE(fields_output_digest);

static const struct field fields_output_digest_list[] = {
    {"member", FIELD_STRUCT, .of = &shape_output_digest},
};
static const struct shape shape_output_digest_list = SHAPE(fields_output_digest_list);

static const struct field fields_next_jobs[] = {
    {"workerId", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128},
    {"maxBatchSize", FIELD_INTEGER, .min = 1, .max = 50},
    {"builds", FIELD_INTEGER, .min = 0, .max = 50},
};
static const struct shape shape_next_jobs = SHAPE(fields_next_jobs);

static const struct field output_variable_names = {"key", FIELD_STRING, .check = text_is_namespace,
                                                   .check_says = "[A-Za-z0-9@\\-_]+"};
static const struct field fields_put_job_success_result_input[] = {
    UUID("jobId", FIELD_REQUIRED),
    {"currentRevision", FIELD_STRUCT, .of = &shape_current_revision},
    {"continuationToken", FIELD_STRING, .min = 1, .max = 2048},
    {"executionDetails", FIELD_STRUCT, .of = &shape_execution_details},
    {"outputVariables", FIELD_MAP, .of = &shape_texts, .keys = &output_variable_names},
    {"nonce", FIELD_STRING, .min = 1, .max = 50},
    {"outputArtifacts", FIELD_LIST, .min = 0, .max = 10, .of = &shape_output_digest_list},
    {"nextJobs", FIELD_STRUCT, .of = &shape_next_jobs},
    {"build", FIELD_STRUCT, .of = &codebuild_update_in},
};
const struct shape shape_put_job_success_result_input = SHAPE(fields_put_job_success_result_input);

static const char *const values_failure_type[] = {"JobFailed",
                                                  "ConfigurationError",
                                                  "PermissionError",
                                                  "RevisionOutOfSync",
                                                  "RevisionUnavailable",
                                                  "SystemUnavailable",
                                                  NULL};
static const struct field fields_failure_details[] = {
    {"type", FIELD_STRING, .flags = FIELD_REQUIRED, .values = values_failure_type},
    {"message", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 5000},
    {"externalExecutionId", FIELD_STRING, .min = 1, .max = 1500},
};
static const struct shape shape_failure_details = SHAPE(fields_failure_details);

static const struct field fields_put_job_failure_result_input[] = {
    UUID("jobId", FIELD_REQUIRED),
    {"failureDetails", FIELD_STRUCT, .flags = FIELD_REQUIRED, .of = &shape_failure_details},
    {"nonce", FIELD_STRING, .min = 1, .max = 50},
    {"nextJobs", FIELD_STRUCT, .of = &shape_next_jobs},
};
const struct shape shape_put_job_failure_result_input = SHAPE(fields_put_job_failure_result_input);

static const struct field fields_workers[] = {
    {"member", FIELD_STRING, .min = 1, .max = 128},
};
static const struct shape shape_workers = SHAPE(fields_workers);

static const struct field fields_poll_for_account_jobs_input[] = {
    {"successorOf", FIELD_LIST, .min = 0, .max = 50, .of = &shape_workers},
    {"maxBatchSize", FIELD_INTEGER, .min = 1, .max = 50},
    {"builds", FIELD_INTEGER, .min = 0, .max = 50},
    {"waitMs", FIELD_INTEGER, .min = 0, .max = 60000},
    {"workerId", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 128},
};
const struct shape shape_poll_for_account_jobs_input = SHAPE(fields_poll_for_account_jobs_input);

static const struct field fields_job_nonce_input[] = {
    UUID("jobId", FIELD_REQUIRED),
    {"nonce", FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 50},
};
const struct shape shape_job_nonce_input = SHAPE(fields_job_nonce_input);

static const struct field fields_job[] = {
    {"build", FIELD_STRUCT, .of = &codebuild_work}, /* the others are as they are stored */
};
static const struct shape shape_job = SHAPE(fields_job);

static const struct field fields_jobs[] = {
    {"member", FIELD_STRUCT, .of = &shape_job},
};
static const struct shape shape_jobs = SHAPE(fields_jobs);

static const struct field fields_jobs_output[] = {
    {"jobs", FIELD_LIST, .of = &shape_jobs},
};
const struct shape shape_jobs_output = SHAPE(fields_jobs_output);

static const struct field fields_job_details_output[] = {
    {"jobDetails", FIELD_ANY},
};
const struct shape shape_job_details_output = SHAPE(fields_job_details_output);

static const struct field fields_status_output[] = {
    {"status", FIELD_STRING},
};
const struct shape shape_status_output = SHAPE(fields_status_output);

static const struct field fields_lease_output[] = {
    {"leaseMs", FIELD_INTEGER},
    {"cancelled", FIELD_BOOLEAN},
};
const struct shape shape_lease_output = SHAPE(fields_lease_output);
