/* A bucket's policy: the one setting whose document is JSON on the wire, too. Source: S3 API reference. */
#include "services/s3/api.h"
#include "services/s3/bucket_policy.h"
#include "services/s3/setting.h"
#include "wire/json.h"

#define POLICY_TEXT_MAX (64u << 10)

int api_get_policy(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(buf_free) struct buf text = BUF_INIT(POLICY_TEXT_MAX);
    int rc = api_bucket(c, c->tx, &bucket);
    if (rc == 0 && !bucket.policy)
        return S3_E_NO_POLICY;
    if (rc == 0)
        rc = buf_puts(&text, bucket.policy);
    if (rc != 0)
        return rc;
    call_reply(c, 200);
    http_reply_header(c->http, "Content-Type", "application/json");
    http_reply_buf(c->http, &text);
    return CALL_REPLIED;
}

int api_put_policy(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(json_free) json_t *policy = NULL;
    struct reason where;
    int rc = api_check_body(c);
    if (rc == 0)
        rc = api_bucket(c, c->tx, &bucket);
    if (rc == 0)
        rc = json_parse(buf_str(&c->http->body), &policy, &where);
    if (rc == JSON_E_SYNTAX)
        return call_fail(c, S3_E_POLICY_FORM,
                         "Policies must be valid JSON and the first byte must be '{': %s", where.text);
    return rc != 0 ? rc : setting_put(c->tx, &bucket, SETTING_POLICY, policy, &c->reason);
}

int api_get_policy_status(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(json_free) json_t *policy = NULL;
    int rc = api_bucket(c, c->tx, &bucket);
    if (rc == 0)
        rc = setting_get(c->tx, c->bucket, SETTING_POLICY, &policy);
    return rc != 0 ? rc : json_put_bool(c->out, "IsPublic", bucket_policy_public(policy));
}
