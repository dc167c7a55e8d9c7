/* The descriptor of codebuild. Source: CodeBuild API Reference (API version 2016-10-06). */
#include "services/codebuild/service.h"
#include "services/codebuild/api.h"
#include "services/codebuild/codebuild.h"
#include "services/codebuild/shapes.h"
#include "services/codebuild/store.h"
#include "services/codebuild/watch.h"

static const struct operation operations[] = {
    {"CreateProject", "codebuild:CreateProject", OP_WRITE, &codebuild_project_in, &codebuild_project_out,
     codebuild_create_project},
    {"UpdateProject", "codebuild:UpdateProject", OP_WRITE, &codebuild_project_change_in,
     &codebuild_project_out, codebuild_update_project},
    {"DeleteProject", "codebuild:DeleteProject", OP_WRITE, &codebuild_project_name_in, NULL,
     codebuild_delete_project},
    {"BatchGetProjects", "codebuild:BatchGetProjects", OP_READ, &codebuild_project_names_in,
     &codebuild_projects_out, codebuild_batch_get_projects},
    {"ListProjects", "codebuild:ListProjects", OP_READ, &codebuild_list_projects_in,
     &codebuild_list_projects_out, codebuild_list_projects},
    {"StartBuild", "codebuild:StartBuild", OP_WRITE, &codebuild_start_in, &codebuild_start_out,
     codebuild_start_build},
    {"RetryBuild", "codebuild:RetryBuild", OP_WRITE, &codebuild_retry_in, &codebuild_build_out,
     codebuild_retry_build},
    {"StopBuild", "codebuild:StopBuild", OP_WRITE, &codebuild_build_id_in, &codebuild_build_out,
     codebuild_stop_build},
    {"BatchGetBuilds", "codebuild:BatchGetBuilds", OP_READ, &codebuild_build_ids_in, &codebuild_builds_out,
     codebuild_batch_get_builds},
    {"ListBuilds", "codebuild:ListBuilds", OP_READ, &codebuild_list_builds_in, &codebuild_list_builds_out,
     codebuild_list_builds},
    {"ListBuildsForProject", "codebuild:ListBuildsForProject", OP_READ, &codebuild_list_project_builds_in,
     &codebuild_list_builds_out, codebuild_list_builds_for_project},
    {"PollForBuilds", "codebuild:PollForBuilds", OP_EXTENSION, &codebuild_poll_in, &codebuild_poll_out,
     codebuild_poll_for_builds},
    {"UpdateBuild", "codebuild:UpdateBuild", OP_WRITE | OP_EXTENSION, &codebuild_update_in,
     &codebuild_update_out, codebuild_update_build},
};

static const char *const unsupported[] = {
    "BatchDeleteBuilds",
    "BatchGetBuildBatches",
    "BatchGetReportGroups",
    "BatchGetReports",
    "CreateReportGroup",
    "CreateWebhook",
    "DeleteBuildBatch",
    "DeleteReport",
    "DeleteReportGroup",
    "DeleteResourcePolicy",
    "DeleteSourceCredentials",
    "DeleteWebhook",
    "DescribeCodeCoverages",
    "DescribeTestCases",
    "GetReportGroupTrend",
    "GetResourcePolicy",
    "ImportSourceCredentials",
    "InvalidateProjectCache",
    "ListBuildBatches",
    "ListBuildBatchesForProject",
    "ListCuratedEnvironmentImages",
    "ListReportGroups",
    "ListReports",
    "ListReportsForReportGroup",
    "ListSharedProjects",
    "ListSharedReportGroups",
    "ListSourceCredentials",
    "PutResourcePolicy",
    "RetryBuildBatch",
    "StartBuildBatch",
    "StopBuildBatch",
    "UpdateProjectVisibility",
    "UpdateReportGroup",
    "UpdateWebhook",
    NULL,
};

static const struct service_error errors[] = {
    {CODEBUILD_E_NOT_FOUND, "ResourceNotFoundException", 400, NULL, "The resource cannot be found."},
    {CODEBUILD_E_EXISTS, "ResourceAlreadyExistsException", 400, NULL, "The resource exists already."},
    {CODEBUILD_E_INVALID, "InvalidInputException", 400, NULL, "The input is not valid."},
    {CODEBUILD_E_LIMIT, "AccountLimitExceededException", 400, NULL, "A limit was exceeded."},
    {CODEBUILD_E_NONCE, "InvalidNonceException", 400, NULL, "The build is not leased with this nonce."},
};

const struct service codebuild_service = {
    .name = "codebuild",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "CodeBuild_20161006",
    .api_version = "2016-10-06",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "InvalidInputException",
    .migrations = codebuild_migrations,
    .migration_count = CODEBUILD_MIGRATION_COUNT,
    .start = codebuild_watch_start,
    .stop = codebuild_watch_stop,
};
