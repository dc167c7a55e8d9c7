/* The table of services, lowest floor first: migrations run in this order. And a look into one's errors. */
#include "services/service.h"
#include "services/cloudformation/service.h"
#include "services/codebuild/service.h"
#include "services/codepipeline/service.h"
#include "services/iam/service.h"
#include "services/logs/service.h"
#include "services/organizations/service.h"
#include "services/s3/service.h"
#include "services/sns/service.h"
#include "services/sqs/service.h"
#include "services/ssm/service.h"
#include "services/sts/service.h"

const struct service *const services_all[] = {
    &iam_service,
    &sts_service,
    &organizations_service,
    &sqs_service,
    &sns_service,
    &s3_service,
    &ssm_service,
    &logs_service,
    &codebuild_service,
    &codepipeline_service,
    &cloudformation_service,
    NULL,
};

const struct service_error *service_error_of(const struct service *service, int outcome)
{
    for (size_t i = 0; i < service->error_count; i++)
        if (service->errors[i].outcome == outcome)
            return &service->errors[i];
    return NULL;
}
