/* Parameters. */
#include "services/service.h"
#include "services/ssm/service.h"

const struct service ssm_service = {
    .name = "ssm",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "AmazonSSM",
    .invalid_code = "ValidationException",
};
