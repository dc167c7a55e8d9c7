/* Queues. */
#include "services/service.h"
#include "services/sqs/service.h"

const struct service sqs_service = {
    .name = "sqs",
    .protocols = PROTOCOL_JSON_10 | PROTOCOL_QUERY,
    .target_prefix = "AmazonSQS",
    .api_version = "2012-11-05",
    .xmlns = "http://queue.amazonaws.com/doc/2012-11-05/",
    .invalid_code = "InvalidParameterValue",
};
