/* iam's operations: one function each, listed in service.c. */
#pragma once

#include "services/service.h"

int iam_create_role(struct call *c);
int iam_get_role(struct call *c);
int iam_list_roles(struct call *c);
int iam_delete_role(struct call *c);
int iam_update_assume_role_policy(struct call *c);
int iam_put_role_policy(struct call *c);
int iam_get_role_policy(struct call *c);
int iam_delete_role_policy(struct call *c);
int iam_list_role_policies(struct call *c);
int iam_attach_role_policy(struct call *c);
int iam_detach_role_policy(struct call *c);
int iam_list_attached_role_policies(struct call *c);
int iam_create_user(struct call *c);
int iam_get_user(struct call *c);
int iam_list_users(struct call *c);
int iam_delete_user(struct call *c);
int iam_create_access_key(struct call *c);
int iam_list_access_keys(struct call *c);
int iam_update_access_key(struct call *c);
int iam_delete_access_key(struct call *c);
int iam_create_local_account(struct call *c);
int iam_list_local_accounts(struct call *c);

/* A page: rows come in order of the column that is the marker. *ret_max is MaxItems + 1, to see one more. */
#define IAM_PAGE_DEFAULT 100
int64_t iam_page_size(const struct call *c);
const char *iam_page_marker(const struct call *c);
/* Sets IsTruncated, and Marker to the last name given when there is more. */
int iam_page_end(struct call *c, bool more, const char *last);
