/* The resource types of this folder, for the table in resources.c. */
#pragma once

#include "services/cloudformation/resource.h"

extern const struct resource_type s3_bucket_type;
extern const struct resource_type s3_bucket_policy_type;
extern const struct resource_type ssm_parameter_type;
extern const struct resource_type sqs_queue_type;
extern const struct resource_type sqs_queue_policy_type;
extern const struct resource_type sns_topic_type;
extern const struct resource_type sns_subscription_type;
extern const struct resource_type sns_topic_policy_type;
extern const struct resource_type iam_role_type;
extern const struct resource_type codebuild_project_type;
extern const struct resource_type codepipeline_pipeline_type;
extern const struct resource_type codepipeline_webhook_type;
