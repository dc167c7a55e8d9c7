/* Inputs and outputs of iam's operations. Source: IAM API Reference; botocore's iam/2010-05-08 model. */
#pragma once

#include "services/service.h"

extern const struct shape iam_create_role_in, iam_role_out, iam_role_name_in, iam_list_roles_in,
    iam_list_roles_out, iam_update_trust_in, iam_put_role_policy_in, iam_role_policy_in, iam_role_policy_out,
    iam_list_role_policies_in, iam_list_role_policies_out, iam_attachment_in, iam_list_attached_out,
    iam_create_user_in, iam_user_name_in, iam_delete_user_in, iam_user_out, iam_list_users_in,
    iam_list_users_out, iam_key_user_in, iam_create_key_out, iam_list_keys_in, iam_list_keys_out,
    iam_delete_key_in, iam_update_key_in, iam_create_account_in, iam_create_account_out,
    iam_list_accounts_out;
