/* S3 requests: path style at an endpoint of one's own, the bucket's own host name at AWS. */
#include "http/aws_client.h"
#include "wire/uri.h"

#define TRANSFER_TIMEOUT_MS (INT64_C(6) * 60 * 60 * 1000) /* 5 GiB on a slow line; a stall ends it sooner */

/* Whether the name can stand before ".s3.REGION.amazonaws.com" under AWS's certificate. */
static bool fits_in_host(struct str bucket)
{
    return bucket.len >= 3 && bucket.len <= 63 && !memchr(bucket.ptr, '.', bucket.len) &&
           !memchr(bucket.ptr, '_', bucket.len);
}

static int put_address(const struct aws_client *client, const struct aws_s3_request *request,
                       struct buf *base, struct buf *path)
{
    struct str bucket = str_of(request->bucket);
    bool in_host = !client->endpoint && fits_in_host(bucket);

    if (client->endpoint) {
        buf_puts(base, client->endpoint);
    } else {
        buf_puts(base, "https://");
        if (in_host) {
            buf_put_str(base, bucket);
            buf_putc(base, '.');
        }
        buf_puts(base, "s3.");
        buf_puts(base, client->region);
        buf_puts(base, ".amazonaws.com");
    }
    buf_putc(path, '/');
    if (!in_host && bucket.len > 0) {
        uri_encode(path, bucket, false);
        if (request->key)
            buf_putc(path, '/');
    }
    if (request->key)
        uri_encode(path, str_of(request->key), true);
    return buf_error(base) ? buf_error(base) : buf_error(path);
}

/* CopyObject and CompleteMultipartUpload may fail after their status 200 has been sent: the body tells.
 * Source: S3 API, CopyObject, "Response and special errors". */
static bool failed_after_all(const struct http_exchange *exchange, struct aws_error *error)
{
    struct str body = str_trim(buf_str(&exchange->answer));

    if (body.len == 0 || !memmem(body.ptr, body.len, "<Error>", 7))
        return false;
    aws_error_read(exchange, error);
    return true;
}

/* What aws_send sends: its address is in `base` and `path`. */
static int prepare(const struct aws_client *client, const struct aws_s3_request *request,
                   struct http_exchange *exchange, struct buf *base, struct buf *path,
                   struct aws_request *ret)
{
    int r = put_address(client, request, base, path);

    if (r != 0)
        return r;
    *ret = (struct aws_request){.service = "s3",
                                .region = client->region,
                                .method = request->method,
                                .base = buf_str(base),
                                .path = buf_str(path),
                                .query = str_of(request->query),
                                .headers = request->headers,
                                .header_count = request->header_count,
                                .repeatable = strcmp(request->method, "POST") != 0};
    exchange->body = request->body;
    exchange->body_fd = request->body.len > 0 ? -1 : request->body_fd;
    exchange->body_len = request->body_len;
    exchange->sink_fd = request->sink_fd;
    exchange->sink_max = request->sink_max;
    exchange->timeout_ms = TRANSFER_TIMEOUT_MS;
    return 0;
}

void aws_s3_ahead(struct aws_client *client, const struct aws_s3_request *request,
                  struct http_exchange *exchange)
{
    CLEANUP(buf_free) struct buf base = BUF_INIT(4096);
    CLEANUP(buf_free) struct buf path = BUF_INIT(8192);
    struct aws_request signable;

    if (prepare(client, request, exchange, &base, &path, &signable) == 0)
        aws_send_ahead(client, &signable, exchange);
}

int aws_s3(struct aws_client *client, const struct aws_s3_request *request, struct http_exchange *exchange,
           struct aws_error *error)
{
    CLEANUP(buf_free) struct buf base = BUF_INIT(4096);
    CLEANUP(buf_free) struct buf path = BUF_INIT(8192);
    struct aws_request signable;
    struct aws_error unread = {0};
    int r = prepare(client, request, exchange, &base, &path, &signable);

    if (r != 0)
        return r;
    error = error ? error : &unread;
    r = aws_send(client, &signable, exchange, error);
    if (r == 0 && strcmp(request->method, "GET") != 0 && failed_after_all(exchange, error))
        return AWS_E_SERVICE;
    return r;
}
