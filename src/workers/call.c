/* See call.h. */
#include "workers/call.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/mem.h"
#include "wire/json.h"
#include "wire/uri.h"
#include "workers/worker.h"
#include <stdio.h>

#define PACE_MS 2000
#define HEADERS_MAX 65536
#define FIRST_MAX_BYTES ((size_t)1 << 30) /* by a store that gives no ranges */

static bool is_transient(const struct aws_error *error)
{
    return error->status >= 500 || error->status == 429 || strncmp(error->code, "Throttl", 7) == 0;
}

int work_outcome(int outcome, const struct aws_error *error, const char *what, struct reason *why)
{
    if (outcome <= 0)
        return outcome;
    reason_set(why, 0, "%s: %s", what, worker_error_text(outcome, error));
    if (outcome == AWS_E_CANCELLED)
        return WORK_E_STOPPED;
    if (outcome == AWS_E_SERVICE && !is_transient(error))
        return WORK_E_FAILED;
    return worker_stopping() ? WORK_E_STOPPED : WORK_E_RETRY;
}

int work_call_wait(struct aws_client *client, const char *service, const char *operation, json_t *in,
                   int64_t wait_ms, json_t **ret_out, struct aws_error *error, struct reason *why)
{
    struct aws_error own = {0};
    char what[128];
    bool waited = true;
    int r;

    if (!error)
        error = &own;
    if (wait_ms > 0)
        r = aws_call_wait(client, service, operation, in, wait_ms, ret_out, &waited, error);
    else
        r = aws_call(client, service, operation, in, ret_out, error);
    if (!waited && worker_pause(PACE_MS) && r == 0)
        return 0;
    snprintf(what, sizeof(what), "%s:%s", service, operation);
    return work_outcome(r, error, what, why);
}

int work_call(struct aws_client *client, const char *service, const char *operation, json_t *in,
              json_t **ret_out, struct aws_error *error, struct reason *why)
{
    return work_call_wait(client, service, operation, in, 0, ret_out, error, why);
}

int work_answer(struct aws_asked **asked, const char *what, json_t **ret_out, struct aws_error *error,
                struct reason *why)
{
    return work_outcome(aws_answer(asked, ret_out, error), error, what, why);
}

int work_call_header(struct aws_client *client, const char *service, const char *operation, json_t *in,
                     const struct http_header *header, json_t **ret_out, struct aws_error *error,
                     struct reason *why)
{
    char what[128];
    int r = aws_call_header(client, service, operation, in, header, ret_out, error);

    snprintf(what, sizeof(what), "%s:%s", service, operation);
    return work_outcome(r, error, what, why);
}

const json_t *work_list(const json_t *object, const char *key)
{
    const json_t *list = json_object_get(object, key);

    return json_is_array(list) ? list : NULL;
}

static void header_copy(const struct http_exchange *exchange, const char *name, char *ret, size_t size)
{
    struct str value = http_exchange_header(exchange, name);

    snprintf(ret, size, STR_FMT, STR_ARG(value));
}

static void head_read(const struct http_exchange *exchange, struct s3_head *ret)
{
    struct str length = http_exchange_header(exchange, "content-length");
    struct str digest = http_exchange_header(exchange, "x-amz-checksum-sha256");
    unsigned char bytes[HASH_MAX_SIZE + 16];
    size_t len;

    *ret = (struct s3_head){0};
    header_copy(exchange, "x-amz-version-id", ret->version_id, sizeof(ret->version_id));
    header_copy(exchange, "etag", ret->etag, sizeof(ret->etag));
    header_copy(exchange, "x-amz-meta-codepipeline-artifact-revision-summary", ret->revision_summary,
                sizeof(ret->revision_summary));
    if (!str_to_int(length, 0, INT64_MAX, &ret->size))
        ret->size = 0;
    if (digest.len == 44 && base64_decode(digest, bytes, &len) && len == 32)
        hex_encode(bytes, len, ret->sha256_hex);
}

static char *version_query(const char *version_id)
{
    CLEANUP(buf_free) struct buf query = BUF_INIT(4096);

    buf_puts(&query, "versionId=");
    uri_encode(&query, str_of(version_id), false);
    return buf_error(&query) ? NULL : buf_take(&query);
}

/* One request; the exchange's buffers are the caller's. */
static int s3_do(struct aws_client *client, struct aws_s3_request *request, const char *version_id,
                 struct http_exchange *exchange, struct reason *why)
{
    CLEANUP(free_ptr) char *query = NULL;
    CLEANUP(free_ptr) char *what = NULL;
    struct aws_error error = {0};
    int r;

    if (version_id && version_id[0]) {
        query = version_query(version_id);
        if (!query)
            return FAULT(ENOMEM);
        request->query = query;
    }
    r = aws_s3(client, request, exchange, &error);
    if (r == AWS_E_SERVICE && strcmp(error.code, "NoSuchBucket") == 0)
        return reason_set(why, WORK_E_ABSENT, "bucket %s does not exist", request->bucket);
    /* 400: what is asked for is not even written as versions are */
    if (r == AWS_E_SERVICE && (error.status == 404 || (query && error.status == 400)))
        return reason_set(why, WORK_E_ABSENT, "%s%s%ss3://%s/%s does not exist", query ? "version " : "",
                          query ? version_id : "", query ? " of " : "", request->bucket, request->key);
    if (r == AWS_E_SERVICE && error.status == 304)
        return WORK_E_UNCHANGED;
    if (asprintf(&what, "s3 %s %s/%s", request->method, request->bucket, request->key) < 0)
        return FAULT(ENOMEM);
    return work_outcome(r, &error, what, why);
}

/* A read of an object under way; what its request points at. */
struct work_read {
    struct aws_client *client;
    const char *version_id; /* NULL: the current one */
    struct http_header header;
    char range[48]; /* the header's value, if it is one */
    struct aws_s3_request request;
    struct http_exchange exchange;
};

static void read_init(struct work_read *read, struct aws_client *client, const char *method,
                      const char *bucket, const char *key, size_t max_bytes)
{
    *read = (struct work_read){
        .client = client,
        .request = {.method = method, .bucket = bucket, .key = key, .body_fd = -1, .sink_fd = -1},
        .exchange = {.answer = BUF_INIT(max_bytes), .raw_headers = BUF_INIT(HEADERS_MAX)}};
    read->request.headers = &read->header;
}

static void head_init(struct work_read *read, struct aws_client *client, const char *bucket, const char *key)
{
    read_init(read, client, "HEAD", bucket, key, HEADERS_MAX);
    read->header = (struct http_header){STR("x-amz-checksum-mode"), STR("ENABLED")};
    read->request.header_count = 1;
}

static void get_init(struct work_read *read, struct aws_client *client, const char *bucket, const char *key,
                     const char *etag, size_t max_bytes)
{
    read_init(read, client, "GET", bucket, key, max_bytes);
    read->header = (struct http_header){STR("if-none-match"), str_of(etag)};
    read->request.header_count = etag && etag[0] ? 1 : 0;
}

static void read_deinit(struct work_read *read)
{
    http_drop(&read->exchange);
    buf_free(&read->exchange.answer);
    buf_free(&read->exchange.raw_headers);
}

void work_read_free(struct work_read **read)
{
    if (*read)
        read_deinit(*read);
    free(take(*read));
}

/* Sends it; what cannot be sent now is sent with work_read_answer. */
static int read_send(struct work_read *read)
{
    CLEANUP(free_ptr) char *query = NULL;

    if (read->version_id && read->version_id[0]) {
        query = version_query(read->version_id);
        if (!query)
            return FAULT(ENOMEM);
    }
    read->request.query = query;
    aws_s3_ahead(read->client, &read->request, &read->exchange);
    read->request.query = NULL;
    return 0;
}

int work_s3_head_ahead(struct aws_client *client, const char *bucket, const char *key, struct work_read **ret)
{
    CLEANUP(work_read_free) struct work_read *read = mem_alloc(sizeof(*read));
    int r;

    if (!read)
        return FAULT(ENOMEM);
    head_init(read, client, bucket, key);
    r = read_send(read);
    if (r == 0)
        *ret = take(read);
    return r;
}

int work_s3_get_ahead(struct aws_client *client, const char *bucket, const char *key, const char *etag,
                      size_t max_bytes, struct work_read **ret)
{
    CLEANUP(work_read_free) struct work_read *read = mem_alloc(sizeof(*read));
    int r;

    if (!read)
        return FAULT(ENOMEM);
    get_init(read, client, bucket, key, etag, max_bytes);
    r = read_send(read);
    if (r == 0)
        *ret = take(read);
    return r;
}

int work_s3_first_ahead(struct aws_client *client, const char *bucket, const char *key,
                        const char *version_id, int64_t bytes, struct work_read **ret)
{
    CLEANUP(work_read_free) struct work_read *read = mem_alloc(sizeof(*read));
    int r;

    if (!read)
        return FAULT(ENOMEM);
    read_init(read, client, "GET", bucket, key, FIRST_MAX_BYTES);
    read->version_id = version_id;
    snprintf(read->range, sizeof(read->range), "bytes=0-%lld", (long long)bytes - 1);
    read->header = (struct http_header){STR("range"), str_of(read->range)};
    read->request.header_count = 1;
    r = read_send(read);
    if (r == 0)
        *ret = take(read);
    return r;
}

/* RFC 9110, 14.4: "bytes FIRST-LAST/ALL"; without it the whole came. */
static bool is_whole(const struct http_exchange *exchange)
{
    struct str range = http_exchange_header(exchange, "content-range");
    int64_t all;

    (void)str_split(&range, '/');
    return !range.ptr || (str_to_int(range, 0, INT64_MAX, &all) && all <= (int64_t)exchange->answer.len);
}

int work_first_answer(struct work_read *read, int fd, bool *ret_whole, struct reason *why)
{
    int r = s3_do(read->client, &read->request, read->version_id, &read->exchange, why);

    if (r)
        return r;
    *ret_whole = is_whole(&read->exchange);
    return io_write_all(fd, read->exchange.answer.ptr, read->exchange.answer.len);
}

int work_read_answer(struct work_read *read, struct buf *ret, struct s3_head *ret_head, struct reason *why)
{
    int r = s3_do(read->client, &read->request, read->version_id, &read->exchange, why);

    if (r == 0 && ret_head)
        head_read(&read->exchange, ret_head);
    if (r == 0 && ret)
        r = buf_put_str(ret, buf_str(&read->exchange.answer));
    return r;
}

int work_s3_head(struct aws_client *client, const char *bucket, const char *key, const char *version_id,
                 struct s3_head *ret, struct reason *why)
{
    CLEANUP(read_deinit) struct work_read read;
    int r;

    head_init(&read, client, bucket, key);
    r = s3_do(client, &read.request, version_id, &read.exchange, why);
    if (r == 0)
        head_read(&read.exchange, ret);
    return r;
}

int work_s3_get(struct aws_client *client, const char *bucket, const char *key, const char *etag,
                struct buf *ret, struct s3_head *ret_head, struct reason *why)
{
    CLEANUP(read_deinit) struct work_read read;

    get_init(&read, client, bucket, key, etag, ret->max);
    return work_read_answer(&read, ret, ret_head, why);
}

int work_s3_get_file(struct aws_client *client, const char *bucket, const char *key, const char *version_id,
                     int fd, int64_t max_bytes, struct reason *why)
{
    struct aws_s3_request request = {
        .method = "GET", .bucket = bucket, .key = key, .body_fd = -1, .sink_fd = fd, .sink_max = max_bytes};
    struct http_exchange exchange = {.answer = BUF_INIT(HEADERS_MAX), .raw_headers = BUF_INIT(HEADERS_MAX)};
    int r = s3_do(client, &request, version_id, &exchange, why);

    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    return r;
}

int work_s3_put_file(struct aws_client *client, const char *bucket, const char *key, int fd, int64_t size,
                     const struct http_header *headers, size_t header_count, struct reason *why)
{
    struct aws_s3_request request = {.method = "PUT",
                                     .bucket = bucket,
                                     .key = key,
                                     .headers = headers,
                                     .header_count = header_count,
                                     .body_fd = fd,
                                     .body_len = size,
                                     .sink_fd = -1};
    struct http_exchange exchange = {.answer = BUF_INIT(HEADERS_MAX), .raw_headers = BUF_INIT(HEADERS_MAX)};
    int r = s3_do(client, &request, NULL, &exchange, why);

    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    return r;
}
