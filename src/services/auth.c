/* Who signed a request. Before the body is taken: the signature can be read, its key lives, it is meant for
 * this service. After (S3: at once, by the digest that the header claims): it verifies.
 * Source: "Troubleshooting Signature Version 4" of the IAM User Guide; S3's "Authenticating Requests". */
#include "services/exchange.h"
#include "base/clock.h"
#include "services/key_cache.h"
#include "services/payload.h"
#include "wire/sigv2.h"

#define DIGEST_HEX 64
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static bool is_s3(const struct exchange *x)
{
    return x->call.protocol == PROTOCOL_REST_XML;
}

static bool is_digest(struct str hash)
{
    unsigned char bytes[HASH_MAX_SIZE];
    return hash.len == DIGEST_HEX && hex_decode(hash, bytes);
}

bool auth_claims_digest(const struct exchange *x)
{
    return x->claimed == 0 && is_digest(x->claim.payload_hash);
}

int auth_read(struct exchange *x)
{
    int r = sigv4_read(x->call.arena, &x->wire, &x->claim);
    int older = r == SIGV4_NONE ? sigv2_read(x->call.arena, &x->wire, &x->claim) : r;
    return older == SIGV4_MALFORMED ? r : older;
}

static int check_scope(struct exchange *x)
{
    struct call *c = &x->call;
    if (x->claim.version_2)
        return 0;
    if (c->service && !str_eqc(x->claim.service, c->service->name))
        return reason_set(&c->reason, REFUSE_SCOPE, "Credential should be scoped to correct service: '%s'.",
                          c->service->name);
    if (!str_eqc(x->claim.region, c->platform->region))
        return reason_set(
            &c->reason, REFUSE_SCOPE,
            is_s3(x) ? "The authorization header is malformed; the region '%.*s' is wrong; expecting '%s'"
                     : "Credential should be scoped to a valid region: '%.*s' is not; this endpoint is '%s'.",
            x->claim.region.len > 64 ? 64 : (int)x->claim.region.len, x->claim.region.ptr,
            c->platform->region);
    return 0;
}

static int check_token(const struct exchange *x)
{
    struct str sent = x->claim.session_token;
    struct str held = str_of(x->key.session_token);
    if (sent.len != held.len || !hash_equal(sent.len ? sent.ptr : "", held.ptr, held.len))
        return REFUSE_TOKEN;
    if (x->key.expires_ms != 0 && x->key.expires_ms <= clock_now_ms())
        return REFUSE_TOKEN_EXPIRED;
    return x->key.active ? 0 : REFUSE_KEY_UNKNOWN;
}

/* What S3 lets a header claim of the body. A request without a body may say nothing (curl --aws-sigv4 does
 * not). */
static int check_payload_claim(struct exchange *x)
{
    struct str hash = x->claim.payload_hash;
    const struct http_request *http = x->call.http;
    bool bodyless = http->content_length <= 0 && !http_header(http, "transfer-encoding").ptr;
    if (x->claim.presigned)
        return 0;
    if (!hash.ptr && bodyless)
        x->claim.payload_hash = hash = STR(EMPTY_SHA256);
    if (!hash.ptr)
        return reason_set(&x->call.reason, REFUSE_PAYLOAD_HASH,
                          "Missing required header for this request: x-amz-content-sha256");
    if (is_digest(hash) || str_eqc(hash, SIGV4_UNSIGNED_PAYLOAD))
        return 0;
    bool streams = x->call.operation && x->call.operation->flags & OP_STREAM;
    if (payload_known(hash) && streams)
        return 0;
    if (str_starts(hash, STR("STREAMING-")))
        return reason_set(
            &x->call.reason, REFUSE_UNSUPPORTED,
            "x-amz-content-sha256: %.*s is not supported by Slipway here: send the body's SHA-256 or "
            "UNSIGNED-PAYLOAD",
            hash.len > 64 ? 64 : (int)hash.len, hash.ptr);
    call_error_element(&x->call, "ArgumentName", "x-amz-content-sha256");
    call_error_text(&x->call, "ArgumentValue", hash);
    return reason_set(&x->call.reason, REFUSE_VALUE,
                      "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
                      "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
                      "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
                      "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.");
}

static int find_key(struct exchange *x)
{
    struct str sent = x->claim.session_token;
    char *id = arena_dup(x->call.arena, x->claim.access_key_id);
    char *token = sent.len ? arena_dup(x->call.arena, sent) : NULL;
    if (!id || (sent.len && !token))
        return FAULT(ENOMEM);
    if (strlen(id) != x->claim.access_key_id.len || strlen(id) >= IAM_KEY_ID_SIZE)
        return REFUSE_KEY_UNKNOWN;
    int r = key_cache_find(x->keys, id, token, !x->call.http->must_not_wait, &x->key);
    if (r == KEY_CACHE_ABSENT)
        return CALL_ELSEWHERE;
    if (r == IAM_BAD_TOKEN)
        return REFUSE_TOKEN;
    if (r == IAM_NO_ENTITY)
        return REFUSE_KEY_UNKNOWN;
    return r == 0 && !x->claim.version_2 ? key_cache_signing(x->keys, &x->key, &x->claim, x->signing_key) : r;
}

/* Otherwise than in a URL that can be taken (sigv2.h). */
static bool signed_by_version_2(const struct exchange *x)
{
    return is_s3(x) && !x->claim.version_2 &&
           (uri_has(&x->call.query, "AWSAccessKeyId") ||
            str_starts(header_find(x->wire.headers, x->wire.header_count, "authorization"), STR("AWS ")));
}

/* What S3 says of a lifetime that is none; NULL: it is one. */
static const char *wrong_lifetime(struct str text)
{
    int64_t seconds = 0;
    if (!str_to_int(text, INT64_MIN, INT64_MAX, &seconds))
        return "X-Amz-Expires should be a number";
    if (seconds < 0)
        return "X-Amz-Expires must be non-negative";
    return seconds > SIGV4_MAX_EXPIRES_S
               ? "X-Amz-Expires must be less than a week (in seconds); that is, the "
                 "given X-Amz-Expires must be less than 604800 seconds"
               : NULL;
}

static int refuse_argument(struct exchange *x, struct str authorization, const char *says)
{
    call_error_element(&x->call, "ArgumentName", "Authorization");
    call_error_element(&x->call, "ArgumentValue", arena_dup(x->call.arena, authorization));
    return reason_set(&x->call.reason, REFUSE_VALUE, "%s", says);
}

/* S3 tells apart how it was asked to authenticate. */
static int refuse_malformed(struct exchange *x)
{
    const struct uri_query *query = &x->call.query;
    struct str authorization = header_find(x->wire.headers, x->wire.header_count, "authorization");
    struct str lifetime = uri_get(query, "X-Amz-Expires");
    bool in_query = uri_has(query, "X-Amz-Algorithm") || uri_has(query, "X-Amz-Signature") ||
                    uri_has(query, "X-Amz-Credential");
    if (!is_s3(x))
        return REFUSE_SIGNATURE_MALFORMED;
    if (in_query && authorization.ptr)
        return refuse_argument(
            x, authorization,
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified");
    if (!in_query && !str_starts(str_trim(authorization), STR("AWS4-HMAC-SHA256")))
        return refuse_argument(x, authorization, "Unsupported Authorization Type");
    if (!in_query)
        return REFUSE_SIGNATURE_MALFORMED;
    return lifetime.ptr && wrong_lifetime(lifetime)
               ? reason_set(&x->call.reason, REFUSE_SIGNATURE_QUERY, "%s", wrong_lifetime(lifetime))
               : REFUSE_SIGNATURE_QUERY;
}

int auth_begin(struct exchange *x)
{
    struct call *c = &x->call;
    if (x->claimed >= 0 && signed_by_version_2(x))
        return REFUSE_SIGNATURE_OLD;
    if (x->claimed == SIGV4_NONE) {
        x->verified = c->operation && (c->operation->flags & OP_ANONYMOUS);
        return x->verified ? 0 : REFUSE_UNSIGNED;
    }
    if (x->claimed > 0)
        return refuse_malformed(x);
    int r = x->claimed < 0 ? x->claimed : check_scope(x);
    if (r == 0)
        r = find_key(x);
    if (r == 0)
        r = check_token(x);
    if (r == 0 && is_s3(x))
        r = check_payload_claim(x);
    if (r != 0 || !is_s3(x))
        return r;
    return auth_verify(x, x->claim.presigned ? STR(SIGV4_UNSIGNED_PAYLOAD) : x->claim.payload_hash);
}

static void signed_how(struct exchange *x)
{
    x->call.by_version_2 = x->claim.version_2;
    x->call.signed_ms = x->claim.time_ms;
}

static int read_form(struct exchange *x, const struct form_signature *form)
{
    if (form->version_2_key.ptr) {
        x->claim = (struct sigv4_claim){
            .version_2 = true, .access_key_id = form->version_2_key, .signature = form->signature};
        return 0;
    }
    return sigv4_read_form(form->algorithm, form->credential, form->date, form->signature, &x->claim);
}

/* SIGV4_MISMATCH and the refusals are numbers of different lists. */
static int verify_form(struct exchange *x, const struct form_signature *form)
{
    if (read_form(x, form) != 0)
        return REFUSE_SIGNATURE_MALFORMED;
    x->claim.session_token = form->session_token;
    int r = check_scope(x);
    if (r == 0)
        r = find_key(x);
    if (r == 0)
        r = check_token(x);
    if (r != 0)
        return r;
    r = x->claim.version_2 ? sigv2_verify_text(&x->claim, form->text, x->key.secret)
                           : sigv4_verify_text(&x->claim, form->text, x->signing_key);
    return r == SIGV4_MISMATCH ? REFUSE_SIGNATURE : r;
}

int call_authenticate(struct call *c, const struct form_signature *form)
{
    struct exchange *x = CONTAINER_OF(c, struct exchange, call);
    int r = verify_form(x, form);
    if (r < 0)
        return r;
    x->refusal = r;
    c->caller = r == 0 ? &x->key.principal : NULL;
    signed_how(x);
    return r == 0 ? 0 : CALL_REFUSED;
}

int auth_verify(struct exchange *x, struct str payload_hash)
{
    struct call *c = &x->call;
    if (x->verified)
        return 0;
    if (!is_s3(x) && x->claim.payload_hash.ptr && !str_eq_nocase(x->claim.payload_hash, payload_hash))
        return REFUSE_PAYLOAD;
    int r = x->claim.version_2
                ? sigv2_verify(c->arena, &x->wire, &x->claim, c->bucket_in_host ? c->bucket : NULL,
                               x->key.secret, clock_now_ms(), &x->to_sign)
                : sigv4_verify(c->arena, &x->wire, &x->claim, payload_hash, x->signing_key, clock_now_ms(),
                               &x->canonical, &x->to_sign);
    switch (r) {
    case 0:
        x->verified = true;
        c->caller = &x->key.principal;
        signed_how(x);
        return 0;
    case SIGV4_SKEWED:
        return REFUSE_SKEWED;
    case SIGV4_EXPIRED:
        return REFUSE_EXPIRED;
    case SIGV4_UNCOVERED:
        return REFUSE_HEADERS;
    default:
        return r < 0 ? r : REFUSE_SIGNATURE;
    }
}
