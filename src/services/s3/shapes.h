/* Field tables of s3's XML bodies: names are the XML elements'. */
#pragma once

#include "services/service.h"

extern const struct shape create_bucket_in, versioning_shape, notification_shape, tagging_shape;
extern const struct shape delete_in, delete_out, complete_in;

/* shapes_setting.c: in and out of a bucket's settings */
extern const struct shape object_lock_shape, retention_shape, hold_shape, cors_shape, lifecycle_shape,
    acl_shape, public_access_shape, ownership_shape, website_shape, payer_shape, status_shape, logging_shape,
    policy_status_shape, encryption_shape, quota_shape, configurations_shape;

/* ---- for the tables' own files */

#define STRUCT(name_, shape_)                                                                                \
    {                                                                                                        \
        .name = (name_), .type = FIELD_STRUCT, .of = &(shape_)                                               \
    }
#define FLAT_LIST(name_, shape_)                                                                             \
    {                                                                                                        \
        .name = (name_), .type = FIELD_LIST, .flags = FIELD_FLAT, .of = &(shape_)                            \
    }
/* A list's element that is a structure of these members. */
#define ELEMENT(name_, fields_)                                                                              \
    static const struct shape name_##_members = SHAPE(fields_);                                              \
    static const struct field name_##_item[] = {STRUCT("item", name_##_members)};                            \
    static const struct shape name_ = SHAPE(name_##_item)
