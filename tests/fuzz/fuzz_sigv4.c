/* sigv4_read and sigv4_verify on a whole request head: nothing unsigned verifies, and what we sign does. The
 * input is "METHOD target", then "name: value" lines. */
#include "fuzz.h"
#include "wire/sigv2.h"
#include "wire/sigv4.h"

#define HEADERS_MAX 32
#define NOW_MS INT64_C(1440938160000) /* 2015-08-30T12:36:00Z */

static struct sigv4_request read_head(struct str input, struct http_header *headers)
{
    struct str rest = input;
    struct str line = str_split(&rest, '\n');
    struct sigv4_request request = {.method = str_split(&line, ' '), .headers = headers};

    request.path = str_split(&line, '?');
    request.query = line;
    while (rest.ptr && request.header_count < HEADERS_MAX) {
        struct str value = str_split(&rest, '\n');
        struct str name = str_split(&value, ':');

        headers[request.header_count++] = (struct http_header){name, str_trim(value)};
    }
    return request;
}

static int verify(struct arena *arena, const struct sigv4_request *request, const struct sigv4_claim *claim,
                  const char *secret, int64_t now_ms)
{
    unsigned char key[SIGV4_KEY_SIZE];
    int r = sigv4_key(secret, claim->date, claim->region, claim->service, key);

    return r != 0 ? r
                  : sigv4_verify(arena, request, claim, STR(SIGV4_UNSIGNED_PAYLOAD), key, now_ms, NULL, NULL);
}

/* Nobody knows the secret. */
static void version_2(struct arena *arena, const struct sigv4_request *request)
{
    struct sigv4_claim claim;
    struct str to_sign;
    int r = sigv2_read(arena, request, &claim);

    assert(r == 0 || r == SIGV4_NONE || r == SIGV4_MALFORMED);
    if (r == 0)
        assert(sigv2_verify(arena, request, &claim, NULL, "unknown to all", NOW_MS, &to_sign) ==
               SIGV4_MISMATCH);
}

void fuzz_one(struct str input)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(16 << 20);
    struct http_header headers[HEADERS_MAX];
    struct sigv4_request request = read_head(input, headers);
    struct sigv4_claim claim;
    const struct sigv4_credentials credentials = {"AKIDEXAMPLE", "secret", NULL};
    struct str query;
    int r = sigv4_read(arena, &request, &claim);

    version_2(arena, &request);
    assert(r == 0 || r == SIGV4_NONE || r == SIGV4_MALFORMED);
    if (r == 0) {
        r = verify(arena, &request, &claim, "unknown to all", claim.time_ms);
        assert(r == SIGV4_MISMATCH || r == SIGV4_EXPIRED);
        return;
    }
    /* An unsigned GET with a host: presigned by us, it verifies whatever its path and query are. */
    struct http_header host = {STR("host"), STR("example.com")};
    struct sigv4_request ours = {STR("GET"), request.path, request.query, &host, 1};

    if (r != SIGV4_NONE || sigv4_presign(arena, &ours, &credentials, "r", "s3", NOW_MS, 60, &query) != 0)
        return;
    ours.query = query;
    if (sigv4_read(arena, &ours, &claim) != 0)
        return; /* the query had an escape that cannot be read */
    r = verify(arena, &ours, &claim, "secret", NOW_MS);
    assert(r == 0);
}
