/* Pipelines, executions, approvals and jobs. */
#include "services/service.h"
#include "services/codepipeline/service.h"

const struct service codepipeline_service = {
    .name = "codepipeline",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "CodePipeline_20150709",
    .invalid_code = "ValidationException",
};
