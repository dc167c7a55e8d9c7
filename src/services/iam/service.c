/* Accounts, access keys and roles: iam's operations, errors and tables. */
#include "services/iam/service.h"
#include "services/iam/api.h"
#include "services/iam/iam.h"
#include "services/iam/schema.h"
#include "services/iam/shapes.h"

static const struct operation operations[] = {
    {"CreateRole", "iam:CreateRole", OP_WRITE, &iam_create_role_in, &iam_role_out, iam_create_role},
    {"GetRole", "iam:GetRole", OP_READ, &iam_role_name_in, &iam_role_out, iam_get_role},
    {"ListRoles", "iam:ListRoles", OP_READ, &iam_list_roles_in, &iam_list_roles_out, iam_list_roles},
    {"DeleteRole", "iam:DeleteRole", OP_WRITE, &iam_role_name_in, NULL, iam_delete_role},
    {"UpdateAssumeRolePolicy", "iam:UpdateAssumeRolePolicy", OP_WRITE, &iam_update_trust_in, NULL,
     iam_update_assume_role_policy},
    {"PutRolePolicy", "iam:PutRolePolicy", OP_WRITE, &iam_put_role_policy_in, NULL, iam_put_role_policy},
    {"GetRolePolicy", "iam:GetRolePolicy", OP_READ, &iam_role_policy_in, &iam_role_policy_out,
     iam_get_role_policy},
    {"DeleteRolePolicy", "iam:DeleteRolePolicy", OP_WRITE, &iam_role_policy_in, NULL, iam_delete_role_policy},
    {"ListRolePolicies", "iam:ListRolePolicies", OP_READ, &iam_list_role_policies_in,
     &iam_list_role_policies_out, iam_list_role_policies},
    {"AttachRolePolicy", "iam:AttachRolePolicy", OP_WRITE, &iam_attachment_in, NULL, iam_attach_role_policy},
    {"DetachRolePolicy", "iam:DetachRolePolicy", OP_WRITE, &iam_attachment_in, NULL, iam_detach_role_policy},
    {"ListAttachedRolePolicies", "iam:ListAttachedRolePolicies", OP_READ, &iam_list_role_policies_in,
     &iam_list_attached_out, iam_list_attached_role_policies},
    {"CreateUser", "iam:CreateUser", OP_WRITE, &iam_create_user_in, &iam_user_out, iam_create_user},
    {"GetUser", "iam:GetUser", OP_READ, &iam_user_name_in, &iam_user_out, iam_get_user},
    {"ListUsers", "iam:ListUsers", OP_READ, &iam_list_users_in, &iam_list_users_out, iam_list_users},
    {"DeleteUser", "iam:DeleteUser", OP_WRITE, &iam_delete_user_in, NULL, iam_delete_user},
    {"CreateAccessKey", "iam:CreateAccessKey", OP_WRITE, &iam_key_user_in, &iam_create_key_out,
     iam_create_access_key},
    {"ListAccessKeys", "iam:ListAccessKeys", OP_READ, &iam_list_keys_in, &iam_list_keys_out,
     iam_list_access_keys},
    {"UpdateAccessKey", "iam:UpdateAccessKey", OP_WRITE, &iam_update_key_in, NULL, iam_update_access_key},
    {"DeleteAccessKey", "iam:DeleteAccessKey", OP_WRITE, &iam_delete_key_in, NULL, iam_delete_access_key},
    {"CreateLocalAccount", "iam:CreateLocalAccount", OP_WRITE | OP_EXTENSION, &iam_create_account_in,
     &iam_create_account_out, iam_create_local_account},
    {"ListLocalAccounts", "iam:ListLocalAccounts", OP_READ | OP_EXTENSION, NULL, &iam_list_accounts_out,
     iam_list_local_accounts},
};

/* Codes and statuses of the IAM API Reference. */
static const struct service_error errors[] = {
    {IAM_NO_ENTITY, "NoSuchEntity", 404, NULL, "There is no such entity."},
    {IAM_EXISTS, "EntityAlreadyExists", 409, NULL, "The entity already exists."},
    {IAM_LIMIT, "LimitExceeded", 409, NULL, "A quota of the account is reached."},
    {IAM_BAD_DOCUMENT, "MalformedPolicyDocument", 400, NULL, "The policy document is malformed."},
    {IAM_CONFLICT, "DeleteConflict", 409, NULL, "Something still belongs to the entity."},
    {IAM_INVALID, "ValidationError", 400, NULL, "A parameter is not valid."},
    {IAM_NOT_TRUSTED, "AccessDenied", 403, NULL, "Access Denied"},
    {IAM_SHARED_ACCOUNT_ONLY, "AccessDenied", 403, NULL, "Access Denied"},
};

const struct service iam_service = {
    .name = "iam",
    .protocols = PROTOCOL_QUERY,
    .api_version = "2010-05-08",
    .xmlns = "https://iam.amazonaws.com/doc/2010-05-08/",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .errors = errors,
    .error_count = ARRAY_LEN(errors),
    .invalid_code = "ValidationError",
    .migrations = iam_migrations,
    .migration_count = IAM_MIGRATIONS,
};
