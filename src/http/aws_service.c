/* The services that the client knows, and which of their operations may be repeated. */
#include "http/aws_client.h"

#define JSON_10 "application/x-amz-json-1.0"
#define JSON_11 "application/x-amz-json-1.1"

static const struct aws_service services[] = {
    {"cloudformation", AWS_QUERY, NULL, NULL, "2010-05-15", false},
    {"codebuild", AWS_JSON, JSON_11, "CodeBuild_20161006", NULL, false},
    {"codepipeline", AWS_JSON, JSON_11, "CodePipeline_20150709", NULL, false},
    {"iam", AWS_QUERY, NULL, NULL, "2010-05-08", true},
    {"logs", AWS_JSON, JSON_11, "Logs_20140328", NULL, false},
    {"organizations", AWS_JSON, JSON_11, "AWSOrganizationsV20161128", NULL, false},
    {"sns", AWS_QUERY, NULL, NULL, "2010-03-31", false},
    {"sqs", AWS_JSON, JSON_10, "AmazonSQS", NULL, false},
    {"ssm", AWS_JSON, JSON_11, "AmazonSSM", NULL, false},
    {"sts", AWS_QUERY, NULL, NULL, "2011-06-15", false},
};

const struct aws_service *aws_service_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        if (strcmp(services[i].name, name) == 0)
            return &services[i];
    return NULL;
}

/* Verbs whose second go leaves what the first left: reads; writes that set, remove or hand back; leases,
 * where what was handed out and lost is offered again; sessions, which only expire. */
static const char *const repeatable_verbs[] = {
    "Acknowledge", "Assume", "BatchGet", "Change", "Delete",   "Describe", "Disable", "Enable",
    "Estimate",    "Extend", "Filter",   "Get",    "List",     "Poll",     "Receive", "Release",
    "Set",         "Tag",    "Test",     "Untag",  "Validate", "Put",
};

/* Their exceptions: PutLogEvents adds lines; the others' verbs are as safe as their row says. */
static const char *const unrepeatable[] = {"PutLogEvents"};

static const char *const token_members[] = {"ClientRequestToken", "ClientToken", "MessageDeduplicationId",
                                            "clientRequestToken", "clientToken", "idempotencyToken"};

bool aws_operation_repeatable(const char *operation, const json_t *in)
{
    for (size_t i = 0; i < ARRAY_LEN(token_members); i++)
        if (json_object_get(in, token_members[i]))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(unrepeatable); i++)
        if (strcmp(operation, unrepeatable[i]) == 0)
            return false;
    for (size_t i = 0; i < ARRAY_LEN(repeatable_verbs); i++)
        if (str_starts(str_of(operation), str_of(repeatable_verbs[i])))
            return true;
    return false;
}
