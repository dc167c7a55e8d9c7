/* Log groups, streams and events. */
#include "services/service.h"
#include "services/logs/service.h"

const struct service logs_service = {
    .name = "logs",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "Logs_20140328",
    .invalid_code = "InvalidParameterException",
};
