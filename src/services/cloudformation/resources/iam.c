/* AWS::IAM::Role. Source: CloudFormation "AWS::IAM::Role" reference. */
#include "services/iam/iam.h"
#include "services/cloudformation/resources/types.h"
#include "wire/json.h"

static const struct property policy_rows[] = {
    {.name = "PolicyName", .type = PROPERTY_TEXT, .required = true},
    {.name = "PolicyDocument", .type = PROPERTY_JSON, .required = true},
};
static const struct properties policy = PROPERTIES(policy_rows);
static const struct property policy_item[] = {{.name = "Policy", .type = PROPERTY_STRUCT, .of = &policy}};
static const struct properties policies = PROPERTIES(policy_item);

static const struct property rows[] = {
    {.name = "AssumeRolePolicyDocument", .type = PROPERTY_JSON, .required = true},
    {.name = "RoleName", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "Path", .type = PROPERTY_TEXT, .update = UPDATE_REPLACES},
    {.name = "Description", .type = PROPERTY_TEXT},
    {.name = "MaxSessionDuration", .type = PROPERTY_INTEGER},
    {.name = "ManagedPolicyArns", .type = PROPERTY_LIST},
    {.name = "Policies", .type = PROPERTY_LIST, .of = &policies},
    {.name = "Tags", .type = PROPERTY_LIST, .of = &tag_list},
};
static const char *const attributes[] = {"Arn", "RoleId", NULL};

static int put(struct resource_work *w, bool is_new)
{
    CLEANUP(json_free) json_t *none = json_array();
    CLEANUP(free_ptr) char *trust = json_text(json_object_get(w->properties, "AssumeRolePolicyDocument"));
    const json_t *inline_policies = json_object_get(w->properties, "Policies");
    const json_t *managed = json_object_get(w->properties, "ManagedPolicyArns");
    const json_t *tags = json_object_get(w->properties, "Tags");
    struct role_spec spec = {
        .name = w->physical_id,
        .path = json_str(w->properties, "Path", NULL),
        .trust_policy = trust,
        .description = json_str(w->properties, "Description", NULL),
        .max_session_s = json_int(w->properties, "MaxSessionDuration", 0),
        .policies = inline_policies ? inline_policies : none,
        .managed_policy_arns = managed ? managed : none,
        .tags = tags ? tags : none,
    };
    struct role role;

    if (!trust || !none)
        return FAULT(ENOMEM);
    int err = role_put(w->tx, w->platform, w->account, &spec, is_new, &role, w->why);
    if (!err)
        err = resource_attribute(w, "Arn", "%s", role.arn);
    return err ? err : resource_attribute(w, "RoleId", "%s", role.id);
}

static int create(struct resource_work *w)
{
    int err = resource_name(w, "RoleName", 64, false, w->physical_id);

    return err ? err : put(w, true);
}

static int update(struct resource_work *w)
{
    return put(w, false);
}

static int drop(struct resource_work *w)
{
    int err = role_delete(w->tx, w->platform, w->account, w->physical_id, true, w->why);

    return err == IAM_NO_ENTITY ? 0 : err;
}

const struct resource_type iam_role_type = {
    .name = "AWS::IAM::Role",
    .properties = PROPERTIES(rows),
    .attributes = attributes,
    .name_property = "RoleName",
    .is_iam = true,
    .create = create,
    .update = update,
    .remove = drop,
};
