/* See encryption.h. Source: S3 API reference, Put/Get/DeleteBucketEncryption; user guide, "Setting default
 * server-side encryption behavior". */
#include "services/s3/encryption.h"
#include "services/s3/argument.h"
#include "services/s3/setting.h"
#include "wire/json.h"

#define ALGORITHM "AES256"
#define HEADER "x-amz-server-side-encryption"

int bucket_can_encrypt(const struct platform *platform, struct reason *why)
{
    if (platform->keyring)
        return 0;
    return reason_set(
        why, S3_E_NOT_IMPLEMENTED,
        "This server has no key to encrypt objects with. Its operator can give it one: slipway serve "
        "--encryption-key FILE.");
}

/* S3_E_NOT_IMPLEMENTED; S3_E_XML: there is none of that name. */
static int check_algorithm(const char *algorithm, struct reason *why)
{
    if (strcmp(algorithm, ALGORITHM) == 0)
        return 0;
    if (strncmp(algorithm, "aws:", 4) == 0)
        return reason_set(
            why, S3_E_NOT_IMPLEMENTED,
            "Encryption by %s is not supported by Slipway: use AES256, by which objects are encrypted "
            "under the server's own key.",
            algorithm);
    return reason_set(why, S3_E_XML, "The encryption method specified is not supported");
}

int encryption_check(struct tx *tx UNUSED, const struct bucket *bucket UNUSED, json_t *document,
                     struct reason *why)
{
    json_t *rule = json_array_get(json_object_get(document, "Rule"), 0);
    const json_t *by_default = json_object_get(rule, "ApplyServerSideEncryptionByDefault");
    if (!by_default) /* a rule may be about what is blocked alone */
        return json_put(rule, "ApplyServerSideEncryptionByDefault",
                        json_pack("{s:s}", "SSEAlgorithm", ALGORITHM));
    int rc = check_algorithm(json_str(by_default, "SSEAlgorithm", ""), why);
    if (rc != 0 || !json_object_get(by_default, "KMSMasterKeyID"))
        return rc;
    return reason_set(why, S3_E_ARGUMENT,
                      "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or "
                      "aws:kms:dsse");
}

/* What the headers ask for; {NULL,0}: nothing. */
struct asked {
    struct str algorithm;
    struct str key_id;
    bool customer; /* a key of the client's own */
};

static bool begins_with(struct str name, struct str prefix)
{
    return name.len >= prefix.len && str_eq_nocase((struct str){name.ptr, prefix.len}, prefix);
}

static struct asked read_headers(const struct call *c)
{
    struct asked asked = {.customer = false};
    for (size_t i = 0; i < c->http->header_count; i++) {
        const struct http_header *header = &c->http->headers[i];
        if (str_eq_nocase(header->name, STR(HEADER)))
            asked.algorithm = header->value;
        else if (str_eq_nocase(header->name, STR(HEADER "-aws-kms-key-id")))
            asked.key_id = header->value;
        else if (begins_with(header->name, STR(HEADER "-customer-")) ||
                 begins_with(header->name, STR("x-amz-copy-source-server-side-encryption-customer-")))
            asked.customer = true;
    }
    return asked;
}

static int refuse_customer_key(struct call *c, const struct asked *asked)
{
    return !asked->customer
               ? 0
               : call_fail(c, S3_E_NOT_IMPLEMENTED,
                           "Encryption under a key of the client's own (SSE-C) is not supported by Slipway.");
}

int api_refuse_customer_key(struct call *c)
{
    struct asked asked = read_headers(c);
    return refuse_customer_key(c, &asked);
}

int api_refuse_read_encryption(struct call *c)
{
    struct asked asked = read_headers(c);
    return !asked.algorithm.ptr ? refuse_customer_key(c, &asked)
                                : api_bad_argument(c, HEADER, asked.algorithm,
                                                   HEADER " header is not supported for this operation.");
}

int api_encryption_asked(struct call *c)
{
    struct asked asked = read_headers(c);
    int rc = refuse_customer_key(c, &asked);
    if (rc != 0 || (!asked.algorithm.ptr && !asked.key_id.ptr))
        return rc;
    const char *algorithm = arena_dup(c->arena, asked.algorithm.ptr ? asked.algorithm : STR("null"));
    if (!algorithm)
        return FAULT(ENOMEM);
    rc = asked.algorithm.ptr ? check_algorithm(algorithm, &c->reason) : 0;
    if (rc == S3_E_XML)
        return api_bad_argument(c, HEADER, asked.algorithm,
                                "The encryption method specified is not supported");
    if (rc == 0 && asked.key_id.ptr)
        return api_bad_argument(c, HEADER, str_of(algorithm),
                                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                                "x-amz-server-side-encryption : aws:kms");
    return rc != 0 ? rc : bucket_can_encrypt(c->platform, &c->reason);
}

void api_encryption_header(struct call *c, bool sealed)
{
    if (sealed)
        http_reply_header(c->http, HEADER, ALGORITHM);
}

/* ---- the bucket's */

static int reply_default(struct call *c)
{
    json_t *rules = json_pack("[{s:{s:s}, s:b}]", "ApplyServerSideEncryptionByDefault", "SSEAlgorithm",
                              ALGORITHM, "BucketKeyEnabled", 0);
    return json_put(c->out, "Rule", rules);
}

/* Whatever the rule says, S3 tells what is blocked: of new buckets it is SSE-C. */
static int tell_blocked(struct call *c)
{
    json_t *rule = json_array_get(json_object_get(c->out, "Rule"), 0);
    return json_object_get(rule, "BlockedEncryptionTypes")
               ? 0
               : json_put(rule, "BlockedEncryptionTypes", json_pack("{s:[s]}", "EncryptionType", "SSE-C"));
}

int api_get_encryption(struct call *c)
{
    int rc = api_get_setting(c);
    if (rc == S3_E_NO_ENCRYPTION && c->platform->keyring)
        rc = reply_default(c);
    return rc != 0 ? rc : tell_blocked(c);
}

int api_put_encryption(struct call *c)
{
    int rc = bucket_can_encrypt(c->platform, &c->reason);
    return rc != 0 ? rc : api_put_setting(c);
}
