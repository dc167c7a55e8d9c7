/* Field tables of s3's XML bodies: names are the XML elements'. */
#pragma once

#include "services/service.h"

extern const struct shape create_bucket_in, versioning_shape, notification_shape, website_shape,
    tagging_shape;
extern const struct shape delete_in, delete_out, complete_in;
