/* See checksum_api.h. Source: S3 API reference, PutObject, UploadPart, CreateMultipartUpload; S3's own
 * messages. */
#include "services/s3/checksum_api.h"
#include "wire/xml.h"

#define SDK_ALGORITHM "x-amz-sdk-checksum-algorithm"
#define ALGORITHM "x-amz-checksum-algorithm"
#define TYPE "x-amz-checksum-type"

/* The one algorithm that x-amz-trailer announces. */
static int claimed_behind(struct call *c, enum checksum_algorithm *ret)
{
    struct str rest = http_header(c->http, "x-amz-trailer");
    while (rest.ptr && c->trailers) {
        struct str name = str_trim(str_split(&rest, ','));
        enum checksum_algorithm found = checksum_of_header(name);
        if (found == CHECKSUM_NONE && name.len > 0)
            return call_fail(c, S3_E_REQUEST,
                             "The value specified in the x-amz-trailer header is not supported");
        if (found != CHECKSUM_NONE)
            *ret = found;
    }
    return 0;
}

/* What SDKs were told to compute must be what they sent. */
static int check_sdk(struct call *c, enum checksum_algorithm claimed)
{
    struct str said = http_header(c->http, SDK_ALGORITHM);
    if (!said.ptr)
        return 0;
    enum checksum_algorithm algorithm = checksum_named(str_trim(said));
    if (algorithm != CHECKSUM_NONE && claimed == CHECKSUM_NONE)
        return call_fail(c, S3_E_REQUEST,
                         SDK_ALGORITHM " specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                                       "headers were found.");
    return algorithm == claimed && algorithm != CHECKSUM_NONE
               ? 0
               : call_fail(c, S3_E_REQUEST, "Value for " SDK_ALGORITHM " header is invalid.");
}

int checksum_claimed(struct call *c, enum checksum_algorithm *ret)
{
    enum checksum_algorithm claimed = CHECKSUM_NONE;
    int count = 0;
    int rc = claimed_behind(c, &claimed);
    if (rc != 0)
        return rc;
    count += claimed != CHECKSUM_NONE;
    for (enum checksum_algorithm a = CHECKSUM_CRC32; a < CHECKSUM_ALGORITHMS; a++) {
        struct str said = http_header(c->http, checksum_header(a));
        if (!said.ptr)
            continue;
        count++;
        claimed = a;
        if (!checksum_text_good(a, str_trim(said)))
            return call_fail(c, S3_E_REQUEST, "Value for %s header is invalid.", checksum_header(a));
    }
    if (count > 1)
        return call_fail(
            c, S3_E_REQUEST,
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
    *ret = claimed;
    return check_sdk(c, claimed);
}

int checksum_compare(struct call *c, const struct checksum_value *computed)
{
    const char *header = checksum_header(computed->algorithm);
    if (!header)
        return 0;
    struct str said = http_header(c->http, header);
    bool behind = !said.ptr;
    if (behind)
        said = call_trailer(c, header);
    if (!said.ptr)
        return 0;
    said = str_trim(said);
    if (!checksum_text_good(computed->algorithm, said))
        return call_fail(c, S3_E_REQUEST, "Value for %s %sheader is invalid.", header,
                         behind ? "trailing " : "");
    return str_eqc(said, computed->text)
               ? 0
               : call_fail(c, S3_E_BAD_DIGEST, "The %s you specified did not match the calculated checksum.",
                           checksum_name(computed->algorithm));
}

int checksum_algorithm_asked(struct call *c, enum checksum_algorithm *ret)
{
    struct str said = http_header(c->http, ALGORITHM);
    *ret = checksum_named(str_trim(said));
    return !said.ptr || *ret != CHECKSUM_NONE
               ? 0
               : call_fail(
                     c, S3_E_REQUEST,
                     "Checksum algorithm provided is unsupported. Please try again with any of the valid "
                     "types: [CRC32, CRC32C, CRC64NVME, MD5, SHA1, SHA256, SHA512, XXHASH128, XXHASH3, "
                     "XXHASH64]");
}

int checksum_upload_asked(struct call *c, enum checksum_algorithm *ret, bool *ret_composite)
{
    struct str type = str_trim(http_header(c->http, TYPE));
    bool composite = str_eqc(type, checksum_type(true));
    int rc = checksum_algorithm_asked(c, ret);
    if (rc != 0)
        return rc;
    if (type.ptr && !composite && !str_eqc(type, checksum_type(false)))
        return call_fail(c, S3_E_REQUEST, "Value for " TYPE " header is invalid.");
    if (type.ptr && *ret == CHECKSUM_NONE)
        return call_fail(c, S3_E_REQUEST,
                         "The " TYPE " header can only be used with the " ALGORITHM " header.");
    *ret_composite = type.ptr ? composite : checksum_may_be(*ret, true);
    if (*ret == CHECKSUM_NONE || checksum_may_be(*ret, *ret_composite))
        return 0;
    return call_fail(c, S3_E_REQUEST, "The %s checksum type cannot be used with the %s checksum algorithm.",
                     checksum_type(*ret_composite), checksum_lower(*ret));
}

void checksum_reply(struct call *c, const struct checksum_value *value)
{
    if (value->algorithm == CHECKSUM_NONE || !value->text[0])
        return;
    http_reply_header(c->http, checksum_header(value->algorithm), value->text);
    http_reply_header(c->http, TYPE, checksum_type(value->composite));
}

bool checksum_mode_enabled(struct call *c)
{
    return str_eq_nocase(http_header(c->http, "x-amz-checksum-mode"), STR("ENABLED"));
}

void checksum_put_element(struct buf *out, enum checksum_algorithm algorithm, const char *text)
{
    if (algorithm != CHECKSUM_NONE && text[0])
        xml_elem(out, checksum_element(algorithm), str_of(text));
}

/* The digest that was expected is told in hex, the one that was calculated in base64: so does S3. */
int checksum_compare_md5(struct call *c, const unsigned char *computed)
{
    struct str said = http_header(c->http, "content-md5");
    unsigned char bytes[2 * HASH_MAX_SIZE];
    char expected[HASH_HEX_SIZE];
    char calculated[HASH_BASE64_SIZE];
    size_t len = 0;
    if (!said.ptr)
        return 0;
    if (said.len > HASH_BASE64_SIZE || !base64_decode(said, bytes, &len) || len != hash_size(HASH_MD5)) {
        call_error_text(c, "Content-MD5", said);
        return call_fail(c, S3_E_INVALID_DIGEST, "The Content-MD5 you specified was invalid.");
    }
    if (memcmp(bytes, computed, len) == 0)
        return 0;
    hex_encode(bytes, len, expected);
    base64_encode(computed, len, calculated);
    call_error_text(c, "ExpectedDigest", str_of(expected));
    call_error_text(c, "CalculatedDigest", str_of(calculated));
    return call_fail(c, S3_E_BAD_DIGEST, "The Content-MD5 you specified did not match what we received.");
}

static int check_body_md5(struct call *c)
{
    unsigned char digest[HASH_MAX_SIZE];
    hash_bytes(HASH_MD5, buf_str(&c->http->body), digest);
    return checksum_compare_md5(c, digest);
}

/* S3 takes x-amz-content-sha256 for part of the signature, not for a checksum. */
static int check_said(struct call *c, enum checksum_algorithm claimed)
{
    if (!(c->operation->flags & OP_CHECKSUM) || claimed != CHECKSUM_NONE ||
        http_header(c->http, "content-md5").ptr)
        return 0;
    return call_fail(c, S3_E_REQUEST,
                     "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
}

int api_check_body(struct call *c)
{
    CLEANUP(checksum_deinit) struct checksum checksum = {0};
    struct checksum_value value = {0};
    int rc = check_body_md5(c);
    if (rc == 0)
        rc = checksum_claimed(c, &value.algorithm);
    if (rc == 0)
        rc = check_said(c, value.algorithm);
    if (rc == 0)
        rc = checksum_init(&checksum, value.algorithm);
    if (rc != 0)
        return rc;
    checksum_update(&checksum, c->http->body.ptr, c->http->body.len);
    checksum_final(&checksum, value.text);
    return checksum_compare(c, &value);
}
