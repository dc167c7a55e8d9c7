/* See encryption.h. Source: S3 API reference, Put/Get/DeleteBucketEncryption; user guide, "Setting default
 * server-side encryption behavior". */
#include "services/s3/encryption.h"
#include "services/s3/setting.h"
#include "wire/json.h"

#define ALGORITHM "AES256"

int bucket_can_encrypt(const struct platform *platform, struct reason *why)
{
    if (platform->keyring)
        return 0;
    return reason_set(
        why, S3_E_NOT_IMPLEMENTED,
        "This server has no key to encrypt objects with. Its operator can give it one: slipway serve "
        "--encryption-key FILE.");
}

static int check_algorithm(const char *algorithm, int unknown, struct reason *why)
{
    if (strcmp(algorithm, ALGORITHM) == 0)
        return 0;
    if (strncmp(algorithm, "aws:", 4) == 0)
        return reason_set(
            why, S3_E_NOT_IMPLEMENTED,
            "Encryption by %s is not supported by Slipway: use AES256, by which objects are encrypted "
            "under the server's own key.",
            algorithm);
    return reason_set(why, unknown, "The encryption method specified is not supported");
}

int encryption_check(struct tx *tx UNUSED, const struct bucket *bucket UNUSED, json_t *document,
                     struct reason *why)
{
    const json_t *by_default = json_path(document, "Rule.0.ApplyServerSideEncryptionByDefault");
    int rc = check_algorithm(json_str(by_default, "SSEAlgorithm", ""), S3_E_XML, why);
    if (rc != 0 || !json_object_get(by_default, "KMSMasterKeyID"))
        return rc;
    return reason_set(why, S3_E_ARGUMENT,
                      "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
                      "aws:kms:dsse");
}

int api_refuse_customer_key(struct call *c)
{
    static const char *const headers[] = {"x-amz-server-side-encryption-customer-algorithm",
                                          "x-amz-copy-source-server-side-encryption-customer-algorithm"};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        if (http_header(c->http, headers[i]).ptr)
            return call_fail(c, S3_E_NOT_IMPLEMENTED, "%s is not supported by Slipway.", headers[i]);
    return 0;
}

int api_encryption_asked(struct call *c)
{
    struct str said = http_header(c->http, "x-amz-server-side-encryption");
    int rc = api_refuse_customer_key(c);
    if (rc != 0 || !said.ptr)
        return rc;
    char *algorithm = arena_dup(c->arena, said);
    if (!algorithm)
        return FAULT(ENOMEM);
    rc = check_algorithm(algorithm, S3_E_ENCRYPTION, &c->reason);
    return rc != 0 ? rc : bucket_can_encrypt(c->platform, &c->reason);
}

void api_encryption_header(struct call *c, bool sealed)
{
    if (sealed)
        http_reply_header(c->http, "x-amz-server-side-encryption", ALGORITHM);
}

/* ---- the bucket's */

static int reply_default(struct call *c)
{
    json_t *rules = json_pack("[{s:{s:s}, s:b}]", "ApplyServerSideEncryptionByDefault", "SSEAlgorithm",
                              ALGORITHM, "BucketKeyEnabled", 0);
    return json_put(c->out, "Rule", rules);
}

int api_get_encryption(struct call *c)
{
    int rc = api_get_setting(c);
    return rc == S3_E_NO_ENCRYPTION && c->platform->keyring ? reply_default(c) : rc;
}

int api_put_encryption(struct call *c)
{
    int rc = bucket_can_encrypt(c->platform, &c->reason);
    return rc != 0 ? rc : api_put_setting(c);
}
