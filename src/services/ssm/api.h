/* The handlers that service.c's table names. */
#pragma once

struct call;

int ssm_put_parameter(struct call *c);
int ssm_get_parameter(struct call *c);
int ssm_get_parameters(struct call *c);
int ssm_get_parameters_by_path(struct call *c);
int ssm_get_parameter_history(struct call *c);
int ssm_describe_parameters(struct call *c);
int ssm_delete_parameter(struct call *c);
int ssm_delete_parameters(struct call *c);
int ssm_add_tags(struct call *c);
int ssm_list_tags(struct call *c);
int ssm_remove_tags(struct call *c);
