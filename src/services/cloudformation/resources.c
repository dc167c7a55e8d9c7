/* The table of resource types: one row each. */
#include "services/cloudformation/resources/types.h"

static const struct resource_type *const types[] = {
    &s3_bucket_type,        &s3_bucket_policy_type,  &ssm_parameter_type,         &sqs_queue_type,
    &sqs_queue_policy_type, &sns_topic_type,         &sns_subscription_type,      &sns_topic_policy_type,
    &iam_role_type,         &codebuild_project_type, &codepipeline_pipeline_type, &codepipeline_webhook_type,
};

const struct resource_type *resource_type_find(const char *name)
{
    for (size_t i = 0; name && i < ARRAY_LEN(types); i++)
        if (strcmp(types[i]->name, name) == 0)
            return types[i];
    return NULL;
}
