/* Accounts, access keys and roles. */
#include "services/service.h"
#include "services/iam/service.h"

const struct service iam_service = {
    .name = "iam",
    .protocols = PROTOCOL_QUERY,
    .api_version = "2010-05-08",
    .xmlns = "https://iam.amazonaws.com/doc/2010-05-08/",
    .invalid_code = "ValidationError",
};
