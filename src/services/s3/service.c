/* Buckets and objects. */
#include "services/service.h"
#include "services/s3/service.h"

const struct service s3_service = {
    .name = "s3",
    .protocols = PROTOCOL_REST_XML,
    .xmlns = "http://s3.amazonaws.com/doc/2006-03-01/",
    .invalid_code = "InvalidArgument",
};
