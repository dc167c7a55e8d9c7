/* The handlers that service.c's table names. */
#pragma once

struct call;

int logs_create_log_group(struct call *c);
int logs_delete_log_group(struct call *c);
int logs_describe_log_groups(struct call *c);
int logs_put_retention_policy(struct call *c);
int logs_delete_retention_policy(struct call *c);
int logs_create_log_stream(struct call *c);
int logs_delete_log_stream(struct call *c);
int logs_describe_log_streams(struct call *c);
int logs_put_log_events(struct call *c);
int logs_get_log_events(struct call *c);
int logs_filter_log_events(struct call *c);

/* The group that a request names, by logGroupName or logGroupIdentifier. */
const char *logs_group_name(struct call *c);
