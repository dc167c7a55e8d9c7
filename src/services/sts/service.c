/* Sessions of roles. */
#include "services/service.h"
#include "services/sts/service.h"

const struct service sts_service = {
    .name = "sts",
    .protocols = PROTOCOL_QUERY,
    .api_version = "2011-06-15",
    .xmlns = "https://sts.amazonaws.com/doc/2011-06-15/",
    .invalid_code = "ValidationError",
};
