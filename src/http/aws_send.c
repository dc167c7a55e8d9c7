/* One signed request and, where that is safe, its repetition.
 *
 * What is repeated: a request that never left (no connection); one that was turned away for load (throttling,
 * 503), which was not carried out; and, of operations whose second go does no harm, also one whose answer was
 * lost or was a server's fault. An operation that is not repeatable is never sent a second time once it may
 * have arrived. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "http/aws_client.h"
#include "wire/time.h"
#include <sys/stat.h>
#include <unistd.h>

#define ATTEMPTS 7
#define FIRST_PAUSE_MS 50
#define LONGEST_PAUSE_MS 2000
#define REQUEST_ARENA ((size_t)1 << 20)
#define HEADERS_MAX 64
#define OWN_HEADERS 5

/* "https://host:443" → "host" as libcurl would say it: a scheme's own port is left out. */
static struct str host_of(struct str base)
{
    bool tls = str_starts(base, STR("https://"));
    size_t skip = tls ? 8 : 7;
    struct str rest = base.len > skip ? (struct str){base.ptr + skip, base.len - skip} : base;
    struct str host = str_split(&rest, '/');
    struct str port = tls ? STR(":443") : STR(":80");

    if (str_ends(host, port))
        host.len -= port.len;
    return host;
}

static int hash_file(int fd, int64_t len, char ret[HASH_HEX_SIZE])
{
    CLEANUP(hash_free) struct hash *hash = hash_new(HASH_SHA256);
    unsigned char digest[HASH_MAX_SIZE];
    char bytes[1 << 16];
    int64_t done = 0;

    if (!hash)
        return FAULT(ENOMEM);
    while (done < len) {
        int64_t want = len - done < (int64_t)sizeof(bytes) ? len - done : (int64_t)sizeof(bytes);
        ssize_t got = pread(fd, bytes, (size_t)want, done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return FAULT(got < 0 ? errno : EIO);
        hash_update(hash, bytes, (size_t)got);
        done += got;
    }
    hash_final(hash, digest);
    hex_encode(digest, 32, ret);
    return 0;
}

static int payload_hash(const struct http_exchange *exchange, char ret[HASH_HEX_SIZE])
{
    if (exchange->body_fd >= 0)
        return hash_file(exchange->body_fd, exchange->body_len, ret);
    hash_sha256_hex(exchange->body, ret);
    return 0;
}

/* S3 takes what is locked, and some settings of buckets, only with a checksum. A copy has no body. */
static bool says_checksum(const struct aws_request *request)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (str_eqc(request->headers[i].name, "x-amz-copy-source"))
            return false;
    return strcmp(request->service, "s3") == 0 && strcmp(request->method, "PUT") == 0;
}

static void checksum_of(const char *digest, char ret[HASH_BASE64_SIZE])
{
    unsigned char bytes[HASH_MAX_SIZE];
    bool good = hex_decode(str_of(digest), bytes);
    assert(good);
    base64_encode(bytes, hash_size(HASH_SHA256), ret);
}

/* Signs for this moment and sends once; the answer is http_end's. */
static int begin_once(struct aws_client *client, const struct aws_request *request, const char *digest,
                      struct http_exchange *exchange, struct aws_error *error)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(REQUEST_ARENA);
    struct http_header headers[HEADERS_MAX];
    struct sigv4_request to_sign = {str_of(request->method), request->path, request->query, headers, 0};
    struct sigv4_credentials credentials;
    char time[TIME_TEXT_SIZE], checksum[HASH_BASE64_SIZE];
    int64_t now_ms = clock_now_ms();
    size_t count = 0;
    struct str authorization;
    int r = aws_client_keys(client, &credentials, error);

    if (r != 0)
        return r;
    if (!arena || request->header_count + OWN_HEADERS + 1 > HEADERS_MAX)
        return FAULT(arena ? E2BIG : ENOMEM);
    time_amz(now_ms, time);
    headers[count++] = (struct http_header){STR("Host"), host_of(request->base)};
    headers[count++] = (struct http_header){STR("x-amz-date"), str_of(time)};
    headers[count++] = (struct http_header){STR("x-amz-content-sha256"), str_of(digest)};
    if (says_checksum(request)) {
        checksum_of(digest, checksum);
        headers[count++] = (struct http_header){STR("x-amz-checksum-sha256"), str_of(checksum)};
    }
    if (credentials.session_token)
        headers[count++] =
            (struct http_header){STR("x-amz-security-token"), str_of(credentials.session_token)};
    for (size_t i = 0; i < request->header_count; i++)
        headers[count++] = request->headers[i];
    to_sign.header_count = count;
    r = sigv4_sign(arena, &to_sign, &credentials, request->region, request->service, str_of(digest), now_ms,
                   &authorization);
    if (r != 0)
        return r;
    headers[count++] = (struct http_header){STR("Authorization"), authorization};
    exchange->url =
        arena_printf(arena, STR_FMT STR_FMT "%s" STR_FMT, STR_ARG(request->base), STR_ARG(request->path),
                     request->query.len > 0 ? "?" : "", STR_ARG(request->query));
    if (!exchange->url)
        return FAULT(ENOMEM);
    exchange->method = request->method;
    exchange->headers = headers;
    exchange->header_count = count;
    exchange->cancel = &client->cancelled;
    r = http_begin(client->http, exchange);
    exchange->url = NULL; /* it and the headers end with this call */
    exchange->headers = NULL;
    exchange->header_count = 0;
    return r;
}

static bool worth_repeating(const struct aws_request *request, const struct http_exchange *exchange,
                            const struct aws_error *error, int fault)
{
    static const int transport[] = {ECONNREFUSED, EHOSTUNREACH, ETIMEDOUT, EIO};

    if (exchange->status == 0) {
        for (size_t i = 0; i < ARRAY_LEN(transport); i++)
            if (fault == -transport[i])
                return request->repeatable || !exchange->sent;
        return false;
    }
    if (exchange->status == 503 || aws_error_is_throttling(error))
        return true;
    return exchange->status >= 500 && request->repeatable;
}

/* Exponential, anywhere in the upper half of its range. */
static int64_t pause_ms(int attempt)
{
    int64_t longest = (int64_t)FIRST_PAUSE_MS << attempt;
    uint32_t random;

    id_random(&random, sizeof(random));
    if (longest > LONGEST_PAUSE_MS)
        longest = LONGEST_PAUSE_MS;
    return longest / 2 + (int64_t)(random % (uint64_t)(longest / 2 + 1));
}

/* Makes the sink as it was before the attempt. */
static int sink_reset(int fd, off_t start)
{
    if (fd < 0 || start < 0)
        return 0;
    return ftruncate(fd, start) == 0 && lseek(fd, start, SEEK_SET) == start ? 0 : FAULT(errno);
}

static int no_answer(const struct aws_request *request, int fault, struct aws_error *error)
{
    char base[256];

    if (fault == -ENOMEM || fault == -EFBIG || fault == -EINVAL || fault == -E2BIG || fault == -ENOSPC)
        return fault;
    base[0] = '\0';
    strncat(base, request->base.ptr, request->base.len < 255 ? request->base.len : 255);
    return aws_error_no_answer(fault, base, error);
}

void aws_send_ahead(struct aws_client *client, const struct aws_request *request,
                    struct http_exchange *exchange)
{
    struct aws_error error;
    char digest[HASH_HEX_SIZE];
    int r = payload_hash(exchange, digest);

    if (r == 0)
        r = begin_once(client, request, digest, exchange, &error);
    if (r != 0)
        log_debug("aws", "a request is not sent ahead of its time: %d", r);
}

/* The answer to what was sent ahead, or a request and its answer. */
static int send_once(struct aws_client *client, const struct aws_request *request, const char *digest,
                     struct http_exchange *exchange, struct aws_error *error)
{
    int r = exchange->sending ? 0 : begin_once(client, request, digest, exchange, error);

    return r == 0 ? http_end(exchange) : r;
}

int aws_send(struct aws_client *client, const struct aws_request *request, struct http_exchange *exchange,
             struct aws_error *error)
{
    char digest[HASH_HEX_SIZE];
    off_t sink_start = exchange->sink_fd >= 0 ? lseek(exchange->sink_fd, 0, SEEK_CUR) : -1;
    int r = payload_hash(exchange, digest);

    if (r != 0)
        return r;
    for (int attempt = 0;; attempt++) {
        *error = (struct aws_error){0};
        r = send_once(client, request, digest, exchange, error);
        if (r > 0)
            return r; /* there were no keys to sign with */
        if (r == 0 && exchange->status >= 200 && exchange->status < 300)
            return 0;
        if (r == 0)
            aws_error_read(exchange, error);
        if (attempt + 1 == ATTEMPTS || !worth_repeating(request, exchange, error, r))
            return r == 0 ? AWS_E_SERVICE : no_answer(request, r, error);
        if (aws_client_pause(client, pause_ms(attempt)))
            return aws_error_no_answer(-ECANCELED, "", error);
        r = sink_reset(exchange->sink_fd, sink_start);
        if (r != 0)
            return r;
    }
}
