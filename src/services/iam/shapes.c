/* Field tables of iam. */
#include "services/iam/shapes.h"
#include "services/iam/names.h"

#define NAME_SAYS "[\\w+=,.@-]+"
#define PATH_SAYS "(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)"
#define KEY_SAYS "[\\w]+"

#define ROLE_NAME(extra)                                                                                     \
    {                                                                                                        \
        .name = "RoleName", .flags = (extra), .min = 1, .max = 64, .check = iam_name_ok,                     \
        .check_says = NAME_SAYS                                                                              \
    }
#define USER_NAME(field, extra)                                                                              \
    {                                                                                                        \
        .name = (field), .flags = (extra), .min = 1, .max = 64, .check = iam_name_ok,                        \
        .check_says = NAME_SAYS                                                                              \
    }
#define POLICY_NAME                                                                                          \
    {                                                                                                        \
        .name = "PolicyName", .flags = FIELD_REQUIRED, .min = 1, .max = 128, .check = iam_name_ok,           \
        .check_says = NAME_SAYS                                                                              \
    }
#define PATH                                                                                                 \
    {                                                                                                        \
        .name = "Path", .min = 1, .max = 512, .check = iam_path_ok, .check_says = PATH_SAYS                  \
    }
#define KEY_ID(extra)                                                                                        \
    {                                                                                                        \
        .name = "AccessKeyId", .flags = (extra), .min = 16, .max = 128, .check = iam_key_id_ok,              \
        .check_says = KEY_SAYS                                                                               \
    }
#define PAGE_IN                                                                                              \
    {.name = "Marker", .min = 1, .max = 320},                                                                \
    {                                                                                                        \
        .name = "MaxItems", .type = FIELD_INTEGER, .min = 1, .max = 1000                                     \
    }
#define PAGE_OUT                                                                                             \
    {.name = "IsTruncated", .type = FIELD_BOOLEAN},                                                          \
    {                                                                                                        \
        .name = "Marker"                                                                                     \
    }
#define TEXT_OUT(field)                                                                                      \
    {                                                                                                        \
        .name = (field)                                                                                      \
    }
#define TIME_OUT(field)                                                                                      \
    {                                                                                                        \
        .name = (field), .type = FIELD_TIMESTAMP                                                             \
    }

static const struct field text_fields[] = {{.name = ""}};
static const struct shape text = SHAPE(text_fields);

/* ---- tags */

static const struct field tag_fields[] = {
    {.name = "Key", .flags = FIELD_REQUIRED, .min = 1, .max = 128},
    {.name = "Value", .flags = FIELD_REQUIRED, .min = 0, .max = 256},
};
static const struct shape tag = SHAPE(tag_fields);
static const struct field tag_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &tag}};
static const struct shape tag_item = SHAPE(tag_item_fields);
#define TAGS                                                                                                 \
    {                                                                                                        \
        .name = "Tags", .type = FIELD_LIST, .max = 50, .of = &tag_item                                       \
    }

/* ---- roles */

static const struct field create_role_in_fields[] = {
    PATH,
    ROLE_NAME(FIELD_REQUIRED),
    {.name = "AssumeRolePolicyDocument", .flags = FIELD_REQUIRED, .min = 1, .max = 131072},
    {.name = "Description", .max = 1000},
    {.name = "MaxSessionDuration", .type = FIELD_INTEGER, .min = 3600, .max = 43200},
    TAGS,
};
const struct shape iam_create_role_in = SHAPE(create_role_in_fields);

static const struct field role_fields[] = {
    TEXT_OUT("Path"),
    TEXT_OUT("RoleName"),
    TEXT_OUT("RoleId"),
    TEXT_OUT("Arn"),
    TIME_OUT("CreateDate"),
    TEXT_OUT("AssumeRolePolicyDocument"),
    TEXT_OUT("Description"),
    {.name = "MaxSessionDuration", .type = FIELD_INTEGER},
    TAGS,
};
static const struct shape role = SHAPE(role_fields);
static const struct field role_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &role}};
static const struct shape role_item = SHAPE(role_item_fields);
static const struct field role_out_fields[] = {{.name = "Role", .type = FIELD_STRUCT, .of = &role}};
const struct shape iam_role_out = SHAPE(role_out_fields);

static const struct field role_name_in_fields[] = {ROLE_NAME(FIELD_REQUIRED)};
const struct shape iam_role_name_in = SHAPE(role_name_in_fields);

static const struct field list_roles_in_fields[] = {{.name = "PathPrefix", .min = 1, .max = 512}, PAGE_IN};
const struct shape iam_list_roles_in = SHAPE(list_roles_in_fields);
static const struct field list_roles_out_fields[] = {
    {.name = "Roles", .type = FIELD_LIST, .of = &role_item},
    PAGE_OUT,
};
const struct shape iam_list_roles_out = SHAPE(list_roles_out_fields);

static const struct field update_trust_in_fields[] = {
    ROLE_NAME(FIELD_REQUIRED),
    {.name = "PolicyDocument", .flags = FIELD_REQUIRED, .min = 1, .max = 131072},
};
const struct shape iam_update_trust_in = SHAPE(update_trust_in_fields);

/* ---- policies of roles */

static const struct field put_role_policy_in_fields[] = {
    ROLE_NAME(FIELD_REQUIRED),
    POLICY_NAME,
    {.name = "PolicyDocument", .flags = FIELD_REQUIRED, .min = 1, .max = 131072},
};
const struct shape iam_put_role_policy_in = SHAPE(put_role_policy_in_fields);
static const struct field role_policy_in_fields[] = {ROLE_NAME(FIELD_REQUIRED), POLICY_NAME};
const struct shape iam_role_policy_in = SHAPE(role_policy_in_fields);
static const struct field role_policy_out_fields[] = {TEXT_OUT("RoleName"), TEXT_OUT("PolicyName"),
                                                      TEXT_OUT("PolicyDocument")};
const struct shape iam_role_policy_out = SHAPE(role_policy_out_fields);

static const struct field list_role_policies_in_fields[] = {ROLE_NAME(FIELD_REQUIRED), PAGE_IN};
const struct shape iam_list_role_policies_in = SHAPE(list_role_policies_in_fields);
static const struct field list_role_policies_out_fields[] = {
    {.name = "PolicyNames", .type = FIELD_LIST, .of = &text},
    PAGE_OUT,
};
const struct shape iam_list_role_policies_out = SHAPE(list_role_policies_out_fields);

static const struct field attachment_in_fields[] = {
    ROLE_NAME(FIELD_REQUIRED),
    {.name = "PolicyArn", .flags = FIELD_REQUIRED, .min = 20, .max = 2048},
};
const struct shape iam_attachment_in = SHAPE(attachment_in_fields);
static const struct field attached_fields[] = {TEXT_OUT("PolicyName"), TEXT_OUT("PolicyArn")};
static const struct shape attached = SHAPE(attached_fields);
static const struct field attached_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &attached}};
static const struct shape attached_item = SHAPE(attached_item_fields);
static const struct field list_attached_out_fields[] = {
    {.name = "AttachedPolicies", .type = FIELD_LIST, .of = &attached_item},
    PAGE_OUT,
};
const struct shape iam_list_attached_out = SHAPE(list_attached_out_fields);

/* ---- users */

static const struct field create_user_in_fields[] = {PATH, USER_NAME("UserName", FIELD_REQUIRED)};
const struct shape iam_create_user_in = SHAPE(create_user_in_fields);
static const struct field user_name_in_fields[] = {USER_NAME("UserName", 0)};
const struct shape iam_user_name_in = SHAPE(user_name_in_fields);
static const struct field delete_user_in_fields[] = {USER_NAME("UserName", FIELD_REQUIRED)};
const struct shape iam_delete_user_in = SHAPE(delete_user_in_fields);
static const struct field user_fields[] = {TEXT_OUT("Path"), TEXT_OUT("UserName"), TEXT_OUT("UserId"),
                                           TEXT_OUT("Arn"), TIME_OUT("CreateDate")};
static const struct shape user = SHAPE(user_fields);
static const struct field user_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &user}};
static const struct shape user_item = SHAPE(user_item_fields);
static const struct field user_out_fields[] = {{.name = "User", .type = FIELD_STRUCT, .of = &user}};
const struct shape iam_user_out = SHAPE(user_out_fields);
static const struct field list_users_in_fields[] = {{.name = "PathPrefix", .min = 1, .max = 512}, PAGE_IN};
const struct shape iam_list_users_in = SHAPE(list_users_in_fields);
static const struct field list_users_out_fields[] = {
    {.name = "Users", .type = FIELD_LIST, .of = &user_item},
    PAGE_OUT,
};
const struct shape iam_list_users_out = SHAPE(list_users_out_fields);

/* ---- access keys */

static const struct field key_user_in_fields[] = {USER_NAME("UserName", 0)};
const struct shape iam_key_user_in = SHAPE(key_user_in_fields);
static const struct field key_fields[] = {TEXT_OUT("UserName"),
                                          TEXT_OUT("AccessKeyId"),
                                          TEXT_OUT("Status"),
                                          {.name = "SecretAccessKey", .flags = FIELD_SECRET},
                                          TIME_OUT("CreateDate")};
static const struct shape key = SHAPE(key_fields);
static const struct field key_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &key}};
static const struct shape key_item = SHAPE(key_item_fields);
static const struct field create_key_out_fields[] = {{.name = "AccessKey", .type = FIELD_STRUCT, .of = &key}};
const struct shape iam_create_key_out = SHAPE(create_key_out_fields);
static const struct field list_keys_in_fields[] = {USER_NAME("UserName", 0), PAGE_IN};
const struct shape iam_list_keys_in = SHAPE(list_keys_in_fields);
static const struct field list_keys_out_fields[] = {
    {.name = "AccessKeyMetadata", .type = FIELD_LIST, .of = &key_item},
    PAGE_OUT,
};
const struct shape iam_list_keys_out = SHAPE(list_keys_out_fields);
static const struct field delete_key_in_fields[] = {USER_NAME("UserName", 0), KEY_ID(FIELD_REQUIRED)};
const struct shape iam_delete_key_in = SHAPE(delete_key_in_fields);
static const char *const key_states[] = {"Active", "Inactive", NULL};
static const struct field update_key_in_fields[] = {
    USER_NAME("UserName", 0),
    KEY_ID(FIELD_REQUIRED),
    {.name = "Status", .flags = FIELD_REQUIRED, .values = key_states},
};
const struct shape iam_update_key_in = SHAPE(update_key_in_fields);

/* ---- accounts (Slipway's own) */

static const struct field create_account_in_fields[] = {
    {.name = "AccountId",
     .flags = FIELD_REQUIRED,
     .min = 12,
     .max = 12,
     .check = iam_account_id_ok,
     .check_says = "\\d{12}"},
    {.name = "AccountName",
     .flags = FIELD_REQUIRED,
     .min = 1,
     .max = 128,
     .check = iam_name_ok,
     .check_says = NAME_SAYS},
    KEY_ID(0),
    {.name = "SecretAccessKey", .flags = FIELD_SECRET, .min = 16, .max = 128},
};
const struct shape iam_create_account_in = SHAPE(create_account_in_fields);
static const struct field account_fields[] = {TEXT_OUT("AccountId"), TEXT_OUT("AccountName"),
                                              TIME_OUT("CreateDate")};
static const struct shape account = SHAPE(account_fields);
static const struct field account_item_fields[] = {{.name = "", .type = FIELD_STRUCT, .of = &account}};
static const struct shape account_item = SHAPE(account_item_fields);
static const struct field create_account_out_fields[] = {
    {.name = "Account", .type = FIELD_STRUCT, .of = &account},
    {.name = "AccessKey", .type = FIELD_STRUCT, .of = &key},
};
const struct shape iam_create_account_out = SHAPE(create_account_out_fields);
static const struct field list_accounts_out_fields[] = {
    {.name = "Accounts", .type = FIELD_LIST, .of = &account_item},
};
const struct shape iam_list_accounts_out = SHAPE(list_accounts_out_fields);
