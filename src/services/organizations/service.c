/* That all accounts of this house are one organization. Source: AWS Organizations API Reference,
 * DescribeOrganization. */
#include "services/organizations/service.h"
#include "services/iam/names.h"
#include "services/service.h"
#include "wire/json.h"

static const struct field organization_fields[] = {
    {.name = "Id"},
    {.name = "Arn"},
    {.name = "FeatureSet"},
    {.name = "MasterAccountArn"},
    {.name = "MasterAccountId"},
    {.name = "MasterAccountEmail"},
    {.name = "AvailablePolicyTypes", .type = FIELD_ANY},
};
static const struct shape organization = SHAPE(organization_fields);
static const struct field describe_out_fields[] = {
    {.name = "Organization", .type = FIELD_STRUCT, .of = &organization},
};
static const struct shape describe_out = SHAPE(describe_out_fields);

/* The central team's account manages it. */
static int describe_organization(struct call *c)
{
    const char *account = c->platform->shared_account;
    char id[IAM_ORGANIZATION_SIZE];
    iam_organization_id(account, id);
    json_t *out = json_pack("{s:s, s:s, s:s, s:s, s:[]}", "Id", id, "FeatureSet", "ALL", "MasterAccountId",
                            account, "MasterAccountEmail", "slipway@example.com", "AvailablePolicyTypes");
    int r = json_put(c->out, "Organization", out);
    if (r == 0)
        r = json_put_format(out, "Arn", "arn:aws:organizations::%s:organization/%s", account, id);
    return r != 0 ? r
                  : json_put_format(out, "MasterAccountArn", "arn:aws:organizations::%s:account/%s/%s",
                                    account, id, account);
}

static const struct operation operations[] = {
    {"DescribeOrganization", "organizations:DescribeOrganization", OP_INLINE, NULL, &describe_out,
     describe_organization},
};

const struct service organizations_service = {
    .name = "organizations",
    .protocols = PROTOCOL_JSON_11,
    .target_prefix = "AWSOrganizationsV20161128",
    .operations = operations,
    .operation_count = ARRAY_LEN(operations),
    .invalid_code = "InvalidInputException",
};
