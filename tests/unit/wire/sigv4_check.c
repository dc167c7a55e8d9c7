/* Reads requests from stdin, one JSON object a line, and answers each with a line: what wire/sigv4.c makes of
 * it. Driven by tests/sdk/test_sigv4.py, which signs the requests with botocore.
 *
 * in:  {"op": "verify"|"sign"|"presign", "method", "path", "query", "headers": [[name, value]...],
 *       "payload_hash", "secret", "now_ms"; for sign and presign: "access_key_id", "token", "region",
 *       "service", "expires_s"}
 * out: {"verdict": "ok"|"none"|…, "access_key_id", "canonical"} or {"result": authorization or query} */
#include "base/buf.h"
#include "wire/json.h"
#include "wire/sigv4.h"
#include <stdio.h>

#define HEADERS_MAX 100

static struct str member(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);

    return (struct str){json_string_value(value), json_string_length(value)};
}

static size_t read_headers(const json_t *line, struct http_header *headers)
{
    size_t index;
    const json_t *pair;

    json_array_foreach (json_object_get(line, "headers"), index, pair) {
        const json_t *name = json_array_get(pair, 0), *value = json_array_get(pair, 1);

        assert(index < HEADERS_MAX);
        headers[index] = (struct http_header){{json_string_value(name), json_string_length(name)},
                                              {json_string_value(value), json_string_length(value)}};
    }
    return json_array_size(json_object_get(line, "headers"));
}

static int verify(struct arena *arena, const struct sigv4_request *request, const json_t *line, json_t *out)
{
    static const char *const names[] = {[0] = "ok",
                                        [SIGV4_NONE] = "none",
                                        [SIGV4_MALFORMED] = "malformed",
                                        [SIGV4_SKEWED] = "skewed",
                                        [SIGV4_EXPIRED] = "expired",
                                        [SIGV4_MISMATCH] = "mismatch",
                                        [SIGV4_UNCOVERED] = "uncovered"};
    struct sigv4_claim claim = {0};
    struct str canonical = {0}, to_sign = {0};
    unsigned char key[SIGV4_KEY_SIZE];
    int r = sigv4_read(arena, request, &claim);

    if (r == 0)
        r = sigv4_key(json_str(line, "secret", ""), claim.date, claim.region, claim.service, key);
    if (r == 0)
        r = sigv4_verify(arena, request, &claim,
                         claim.payload_hash.ptr ? claim.payload_hash : member(line, "payload_hash"), key,
                         json_int(line, "now_ms", 0), &canonical, &to_sign);
    if (r < 0)
        return r;
    if (json_put_strn(out, "access_key_id", claim.access_key_id) != 0 ||
        json_put_strn(out, "session_token", claim.session_token) != 0 ||
        json_put_strn(out, "canonical", canonical) != 0)
        return -ENOMEM;
    return json_put_str(out, "verdict", names[r]);
}

static int sign(struct arena *arena, const struct sigv4_request *request, const json_t *line, json_t *out)
{
    const struct sigv4_credentials credentials = {
        json_str(line, "access_key_id", ""), json_str(line, "secret", ""), json_str(line, "token", NULL)};
    const char *region = json_str(line, "region", ""), *service = json_str(line, "service", "");
    int64_t now_ms = json_int(line, "now_ms", 0);
    struct str result = {0};
    int r;

    if (strcmp(json_str(line, "op", ""), "sign") == 0)
        r = sigv4_sign(arena, request, &credentials, region, service, member(line, "payload_hash"), now_ms,
                       &result);
    else
        r = sigv4_presign(arena, request, &credentials, region, service, now_ms,
                          json_int(line, "expires_s", 0), &result);
    return r == 0 ? json_put_strn(out, "result", result) : r;
}

static int answer(struct str text)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(16 << 20);
    CLEANUP(json_free) json_t *line = NULL;
    CLEANUP(json_free) json_t *out = json_object();
    CLEANUP(buf_free) struct buf reply = BUF_INIT(16 << 20);
    struct http_header headers[HEADERS_MAX];
    struct sigv4_request request = {.headers = headers};
    int r = json_parse(text, &line, NULL);

    if (r != 0 || !arena || !out)
        return r != 0 ? r : -ENOMEM;
    request.method = member(line, "method");
    request.path = member(line, "path");
    request.query = member(line, "query");
    request.header_count = read_headers(line, headers);
    r = strcmp(json_str(line, "op", ""), "verify") == 0 ? verify(arena, &request, line, out)
                                                        : sign(arena, &request, line, out);
    if (r == 0)
        r = json_write(out, &reply);
    if (r != 0 || printf("%s\n", reply.ptr) < 0)
        return r != 0 ? r : -EIO;
    return fflush(stdout) == 0 ? 0 : -EIO;
}

int main(void)
{
    CLEANUP(free_ptr) char *text = NULL;
    size_t cap = 0;
    ssize_t len;
    int r = 0;

    while (r == 0 && (len = getline(&text, &cap, stdin)) > 0)
        r = answer((struct str){text, (size_t)len});
    if (r != 0)
        fprintf(stderr, "sigv4_check: cannot answer: %d\n", r);
    return r == 0 ? 0 : 1;
}
