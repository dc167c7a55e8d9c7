/* Build projects and builds. */
#include "services/service.h"
#include "services/codebuild/service.h"

const struct service codebuild_service = {
    .name = "codebuild",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "CodeBuild_20161006",
    .invalid_code = "InvalidInputException",
};
