/* Get, Put and Delete of a bucket's settings. Source: S3 API reference. */
#include "services/s3/api.h"
#include "services/s3/setting.h"
#include "wire/json.h"

int api_get_setting(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(json_free) json_t *document = NULL;
    int rc = api_bucket(c, c->tx, &bucket);
    if (rc == 0)
        rc = setting_get(c->tx, c->bucket, c->operation->sub_resource, &document);
    return rc != 0 || json_object_update(c->out, document) == 0 ? rc : FAULT(ENOMEM);
}

int api_put_setting(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_check_body(c);
    if (rc == 0)
        rc = api_bucket(c, c->tx, &bucket);
    return rc != 0 ? rc : setting_put(c->tx, &bucket, c->operation->sub_resource, c->in, &c->reason);
}

int api_delete_setting(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, c->tx, &bucket);
    return rc != 0 ? rc : setting_remove(c->tx, c->bucket, c->operation->sub_resource);
}

/* ---- what cannot be changed */

static const struct fixed {
    const char *sub_resource;
    const char *member;
    const char *value; /* NULL: the member is absent */
    bool told;         /* by the read */
} fixed[] = {
    {"requestPayment", "Payer", "BucketOwner", true},
    {"accelerate", "Status", "Suspended", false},
    {"logging", "LoggingEnabled", NULL, false},
};

static const struct fixed *fixed_of(const struct call *c)
{
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (strcmp(fixed[i].sub_resource, c->operation->sub_resource) == 0)
            return &fixed[i];
    return NULL;
}

int api_get_fixed(struct call *c)
{
    const struct fixed *row = fixed_of(c);
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, c->tx, &bucket);
    return rc != 0 || !row->told ? rc : json_put_str(c->out, row->member, row->value);
}

int api_put_fixed(struct call *c)
{
    const struct fixed *row = fixed_of(c);
    const json_t *said = json_object_get(c->in, row->member);
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_check_body(c);
    if (rc == 0)
        rc = api_bucket(c, c->tx, &bucket);
    bool same = row->value ? said && strcmp(json_str(c->in, row->member, ""), row->value) == 0 : !said;
    return rc != 0 || same ? rc
                           : call_fail(c, S3_E_NOT_IMPLEMENTED,
                                       "%s of a bucket cannot be changed: it is not supported by Slipway.",
                                       row->sub_resource);
}

/* ---- configurations by id */

int api_list_configurations(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, c->tx, &bucket);
    return rc != 0 ? rc : json_put_bool(c->out, "IsTruncated", false);
}

int api_get_configuration(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, c->tx, &bucket);
    return rc != 0 ? rc : S3_E_NO_CONFIGURATION;
}

int api_get_replication(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = api_bucket(c, c->tx, &bucket);
    return rc != 0 ? rc : S3_E_NO_REPLICATION;
}
