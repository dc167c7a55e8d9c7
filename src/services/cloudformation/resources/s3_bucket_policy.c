/* AWS::S3::BucketPolicy. Source: CloudFormation "AWS::S3::BucketPolicy" reference. */
#include "services/cloudformation/resources/types.h"
#include "services/s3/s3.h"
#include "wire/json.h"
#include <stdio.h>

static const struct property rows[] = {
    {.name = "Bucket", .type = PROPERTY_TEXT, .required = true, .update = UPDATE_REPLACES},
    {.name = "PolicyDocument", .type = PROPERTY_JSON, .required = true},
};
static const char *const attributes[] = {NULL};

static int update(struct resource_work *w)
{
    CLEANUP(json_free) json_t *policy = json_deep_copy(json_object_get(w->properties, "PolicyDocument"));
    int err = bucket_is_of(w->tx, w->account, w->physical_id, w->why);

    if (err)
        return err;
    return policy ? bucket_set(w->tx, w->physical_id, "policy", policy, w->why) : FAULT(ENOMEM);
}

static int create(struct resource_work *w)
{
    const char *bucket = json_str(w->properties, "Bucket", "");
    int len = snprintf(w->physical_id, sizeof(w->physical_id), "%s", bucket);

    if (len < 0 || (size_t)len >= sizeof(w->physical_id))
        return reason_set(w->why, S3_E_BUCKET_NAME, "The specified bucket is not valid: %.64s…", bucket);
    return update(w);
}

static int drop(struct resource_work *w)
{
    int err = bucket_is_of(w->tx, w->account, w->physical_id, w->why);

    if (!err)
        err = bucket_set(w->tx, w->physical_id, "policy", NULL, w->why);
    return err == S3_E_NO_BUCKET || err == S3_E_DENIED ? 0 : err; /* it is not this stack's any more */
}

const struct resource_type s3_bucket_policy_type = {
    .name = "AWS::S3::BucketPolicy",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .create = create,
    .update = update,
    .remove = drop,
};
