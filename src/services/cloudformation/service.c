/* Stacks and change sets. */
#include "services/service.h"
#include "services/cloudformation/service.h"

const struct service cloudformation_service = {
    .name = "cloudformation",
    .protocols = PROTOCOL_QUERY,
    .api_version = "2010-05-15",
    .xmlns = "http://cloudformation.amazonaws.com/doc/2010-05-15/",
    .invalid_code = "ValidationError",
};
