/* logs' operations, errors and tables. Source: CloudWatch Logs API Reference (API version 2014-03-28). */
#include "services/logs/service.h"
#include "services/logs/api.h"
#include "services/logs/store.h"
#include "services/service.h"

static bool group_name_ok(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_/#")] == '\0';
}

static bool stream_name_ok(const char *text)
{
    return !strpbrk(text, ":*");
}

#define GROUP_NAME(required)                                                                                 \
    {                                                                                                        \
        .name = "logGroupName", .type = FIELD_STRING, .flags = (required), .min = 1, .max = 512,             \
        .check = group_name_ok, .check_says = "[\\.\\-_/#A-Za-z0-9]+"                                        \
    }
#define STREAM_NAME                                                                                          \
    {                                                                                                        \
        .name = "logStreamName", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 512,        \
        .check = stream_name_ok, .check_says = "[^:*]*"                                                      \
    }
#define GROUP_IDENTIFIER                                                                                     \
    {                                                                                                        \
        .name = "logGroupIdentifier", .type = FIELD_STRING, .min = 1, .max = 2048                            \
    }
#define TOKEN                                                                                                \
    {                                                                                                        \
        .name = "nextToken", .type = FIELD_STRING, .min = 1, .max = 4096                                     \
    }
#define LIMIT(most)                                                                                          \
    {                                                                                                        \
        .name = "limit", .type = FIELD_INTEGER, .min = 1, .max = (most)                                      \
    }
#define TIME(text)                                                                                           \
    {                                                                                                        \
        .name = (text), .type = FIELD_INTEGER, .min = 0, .max = INT64_MAX                                    \
    }

static const struct field text_item[] = {{.name = "item", .type = FIELD_STRING}};
static const struct shape text_items = SHAPE(text_item);

static const struct field group_in_fields[] = {GROUP_NAME(FIELD_REQUIRED)};
static const struct shape group_in = SHAPE(group_in_fields);
static const struct field create_group_in_fields[] = {
    GROUP_NAME(FIELD_REQUIRED),
    {.name = "kmsKeyId", .type = FIELD_STRING, .max = 256},
    {.name = "tags", .type = FIELD_MAP, .min = 1, .max = 50, .of = &text_items},
};
static const struct shape create_group_in = SHAPE(create_group_in_fields);

static const struct field describe_groups_in_fields[] = {
    {.name = "logGroupNamePrefix",
     .type = FIELD_STRING,
     .min = 1,
     .max = 512,
     .check = group_name_ok,
     .check_says = "[\\.\\-_/#A-Za-z0-9]+"},
    {.name = "logGroupNamePattern",
     .type = FIELD_STRING,
     .max = 512,
     .check = group_name_ok,
     .check_says = "[\\.\\-_/#A-Za-z0-9]*"},
    TOKEN,
    LIMIT(50),
};
static const struct shape describe_groups_in = SHAPE(describe_groups_in_fields);
static const struct field group_fields[] = {
    {.name = "logGroupName", .type = FIELD_STRING},
    {.name = "creationTime", .type = FIELD_INTEGER},
    {.name = "retentionInDays", .type = FIELD_INTEGER},
    {.name = "metricFilterCount", .type = FIELD_INTEGER},
    {.name = "arn", .type = FIELD_STRING},
    {.name = "storedBytes", .type = FIELD_INTEGER},
};
static const struct shape group = SHAPE(group_fields);
static const struct field group_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &group}};
static const struct shape group_items = SHAPE(group_item);
static const struct field describe_groups_out_fields[] = {
    {.name = "logGroups", .type = FIELD_LIST, .of = &group_items},
    TOKEN,
};
static const struct shape describe_groups_out = SHAPE(describe_groups_out_fields);

static const struct field retention_in_fields[] = {
    GROUP_NAME(FIELD_REQUIRED),
    {.name = "retentionInDays", .type = FIELD_INTEGER, .flags = FIELD_REQUIRED},
};
static const struct shape retention_in = SHAPE(retention_in_fields);

static const struct field stream_in_fields[] = {GROUP_NAME(FIELD_REQUIRED), STREAM_NAME};
static const struct shape stream_in = SHAPE(stream_in_fields);

static const char *const orders[] = {"LogStreamName", "LastEventTime", NULL};
static const struct field describe_streams_in_fields[] = {
    GROUP_NAME(0),
    GROUP_IDENTIFIER,
    {.name = "logStreamNamePrefix",
     .type = FIELD_STRING,
     .min = 1,
     .max = 512,
     .check = stream_name_ok,
     .check_says = "[^:*]*"},
    {.name = "orderBy", .type = FIELD_STRING, .values = orders},
    {.name = "descending", .type = FIELD_BOOLEAN},
    TOKEN,
    LIMIT(50),
};
static const struct shape describe_streams_in = SHAPE(describe_streams_in_fields);
static const struct field stream_fields[] = {
    {.name = "logStreamName", .type = FIELD_STRING},
    {.name = "creationTime", .type = FIELD_INTEGER},
    {.name = "firstEventTimestamp", .type = FIELD_INTEGER},
    {.name = "lastEventTimestamp", .type = FIELD_INTEGER},
    {.name = "lastIngestionTime", .type = FIELD_INTEGER},
    {.name = "arn", .type = FIELD_STRING},
    {.name = "storedBytes", .type = FIELD_INTEGER},
};
static const struct shape stream = SHAPE(stream_fields);
static const struct field stream_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &stream}};
static const struct shape stream_items = SHAPE(stream_item);
static const struct field describe_streams_out_fields[] = {
    {.name = "logStreams", .type = FIELD_LIST, .of = &stream_items},
    TOKEN,
};
static const struct shape describe_streams_out = SHAPE(describe_streams_out_fields);

static const struct field in_event_fields[] = {
    {.name = "timestamp", .type = FIELD_INTEGER, .flags = FIELD_REQUIRED, .min = 0, .max = INT64_MAX},
    {.name = "message", .type = FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = INT64_MAX},
};
static const struct shape in_event = SHAPE(in_event_fields);
static const struct field in_event_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &in_event}};
static const struct shape in_event_items = SHAPE(in_event_item);
static const struct field put_in_fields[] = {
    GROUP_NAME(FIELD_REQUIRED),
    STREAM_NAME,
    {.name = "logEvents",
     .type = FIELD_LIST,
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 10000,
     .of = &in_event_items},
    {.name = "sequenceToken", .type = FIELD_STRING},
};
static const struct shape put_in = SHAPE(put_in_fields);
static const struct field rejected_fields[] = {
    {.name = "tooNewLogEventStartIndex", .type = FIELD_INTEGER},
    {.name = "tooOldLogEventEndIndex", .type = FIELD_INTEGER},
    {.name = "expiredLogEventEndIndex", .type = FIELD_INTEGER},
};
static const struct shape rejected = SHAPE(rejected_fields);
static const struct field put_out_fields[] = {
    {.name = "nextSequenceToken", .type = FIELD_STRING},
    {.name = "rejectedLogEventsInfo", .type = FIELD_STRUCT, .of = &rejected},
};
static const struct shape put_out = SHAPE(put_out_fields);

static const struct field get_in_fields[] = {
    GROUP_NAME(0),   GROUP_IDENTIFIER,
    STREAM_NAME,     TIME("startTime"),
    TIME("endTime"), TOKEN,
    LIMIT(10000),    {.name = "startFromHead", .type = FIELD_BOOLEAN},
};
static const struct shape get_in = SHAPE(get_in_fields);
static const struct field out_event_fields[] = {
    {.name = "logStreamName", .type = FIELD_STRING}, {.name = "timestamp", .type = FIELD_INTEGER},
    {.name = "message", .type = FIELD_STRING},       {.name = "ingestionTime", .type = FIELD_INTEGER},
    {.name = "eventId", .type = FIELD_STRING},
};
static const struct shape out_event = SHAPE(out_event_fields);
static const struct field out_event_item[] = {{.name = "item", .type = FIELD_STRUCT, .of = &out_event}};
static const struct shape out_event_items = SHAPE(out_event_item);
static const struct field get_out_fields[] = {
    {.name = "events", .type = FIELD_LIST, .of = &out_event_items},
    {.name = "nextForwardToken", .type = FIELD_STRING},
    {.name = "nextBackwardToken", .type = FIELD_STRING},
};
static const struct shape get_out = SHAPE(get_out_fields);

static const struct field filter_in_fields[] = {
    GROUP_NAME(0),
    GROUP_IDENTIFIER,
    {.name = "logStreamNames", .type = FIELD_LIST, .min = 1, .max = 100, .of = &text_items},
    {.name = "logStreamNamePrefix", .type = FIELD_STRING, .min = 1, .max = 512},
    TIME("startTime"),
    TIME("endTime"),
    {.name = "filterPattern", .type = FIELD_STRING, .max = 1024},
    TOKEN,
    LIMIT(10000),
    {.name = "interleaved", .type = FIELD_BOOLEAN},
};
static const struct shape filter_in = SHAPE(filter_in_fields);
static const struct field filter_out_fields[] = {
    {.name = "events", .type = FIELD_LIST, .of = &out_event_items},
    {.name = "searchedLogStreams", .type = FIELD_ANY},
    TOKEN,
};
static const struct shape filter_out = SHAPE(filter_out_fields);

static const struct operation operations[] = {
    {"CreateLogGroup", "logs:CreateLogGroup", OP_WRITE, &create_group_in, NULL, logs_create_log_group},
    {"DeleteLogGroup", "logs:DeleteLogGroup", OP_WRITE, &group_in, NULL, logs_delete_log_group},
    {"DescribeLogGroups", "logs:DescribeLogGroups", OP_READ, &describe_groups_in, &describe_groups_out,
     logs_describe_log_groups},
    {"PutRetentionPolicy", "logs:PutRetentionPolicy", OP_WRITE, &retention_in, NULL,
     logs_put_retention_policy},
    {"DeleteRetentionPolicy", "logs:DeleteRetentionPolicy", OP_WRITE, &group_in, NULL,
     logs_delete_retention_policy},
    {"CreateLogStream", "logs:CreateLogStream", OP_WRITE, &stream_in, NULL, logs_create_log_stream},
    {"DeleteLogStream", "logs:DeleteLogStream", OP_WRITE, &stream_in, NULL, logs_delete_log_stream},
    {"DescribeLogStreams", "logs:DescribeLogStreams", OP_READ, &describe_streams_in, &describe_streams_out,
     logs_describe_log_streams},
    {"PutLogEvents", "logs:PutLogEvents", OP_WRITE, &put_in, &put_out, logs_put_log_events,
     .body_max = 8 << 20}, /* 1 MiB of events, escaped */
    {"GetLogEvents", "logs:GetLogEvents", OP_READ, &get_in, &get_out, logs_get_log_events},
    {"FilterLogEvents", "logs:FilterLogEvents", OP_READ, &filter_in, &filter_out, logs_filter_log_events},
};

static const char *const unsupported[] = {"StartQuery",
                                          "StopQuery",
                                          "GetQueryResults",
                                          "PutSubscriptionFilter",
                                          "PutMetricFilter",
                                          "CreateExportTask",
                                          "PutDestination",
                                          "PutResourcePolicy",
                                          "AssociateKmsKey",
                                          "TestMetricFilter",
                                          "TagLogGroup",
                                          "UntagLogGroup",
                                          "ListTagsLogGroup",
                                          "GetLogRecord",
                                          "GetLogGroupFields",
                                          "DescribeExportTasks",
                                          "DescribeQueries",
                                          "DescribeMetricFilters",
                                          NULL};

static const struct service_error errors[] = {
    {LOGS_E_NOT_FOUND, "ResourceNotFoundException", 400},
    {LOGS_E_EXISTS, "ResourceAlreadyExistsException", 400},
    {LOGS_E_INVALID, "InvalidParameterException", 400},
};

const struct service logs_service = {
    .name = "logs",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "Logs_20140328",
    .api_version = "2014-03-28",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .unsupported = unsupported,
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "InvalidParameterException",
    .migrations = logs_migrations,
    .migration_count = LOGS_MIGRATION_COUNT,
};
