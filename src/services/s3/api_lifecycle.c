/* Lifecycle rules as requests and answers have them. Source: S3 API reference. */
#include "services/s3/api.h"
#include "services/s3/lifecycle.h"
#include "services/s3/setting.h"
#include "services/s3/version_api.h"
#include "wire/json.h"
#include "wire/uri.h"

/* Of transitions, which there are none of: told all the same, as S3 does. */
#define SMALLEST_HEADER "x-amz-transition-default-minimum-object-size"
#define SMALLEST "all_storage_classes_128K"

int api_get_lifecycle(struct call *c)
{
    int rc = api_get_setting(c);
    if (rc == 0)
        call_reply_header(c, SMALLEST_HEADER, SMALLEST);
    return rc;
}

int api_put_lifecycle(struct call *c)
{
    int rc = api_put_setting(c);
    if (rc == 0)
        call_reply_header(c, SMALLEST_HEADER, SMALLEST);
    return rc;
}

void api_expiration_header(struct call *c, const struct bucket *bucket, const struct object *object,
                           int64_t size, const char *tags)
{
    CLEANUP(json_free) json_t *configuration = NULL;
    CLEANUP(buf_free) struct buf id = BUF_INIT(3 * 256);
    const struct lifecycle_object seen = {str_of(c->key), size, tags};
    char time[TIME_TEXT_SIZE];
    int64_t at_ms = 0;
    if (!bucket->lifecycle || json_unpack_text(str_of(bucket->lifecycle), &configuration) != 0)
        return;
    const json_t *rule = lifecycle_first(configuration, &seen, object->modified_ms, &at_ms);
    if (!rule || at_ms == INT64_MAX)
        return;
    time_http(at_ms, time);
    uri_encode(&id, str_of(json_str(rule, "ID", "")), false);
    if (buf_error(&id) == 0)
        http_reply_headerf(c->http, "x-amz-expiration", "expiry-date=\"%s\", rule-id=\"%s\"", time,
                           id.len > 0 ? id.ptr : "");
}

void api_abort_headers(struct call *c, const struct bucket *bucket, int64_t started_ms)
{
    CLEANUP(json_free) json_t *configuration = NULL;
    char time[TIME_TEXT_SIZE];
    int64_t at_ms = 0;
    if (!bucket->lifecycle || json_unpack_text(str_of(bucket->lifecycle), &configuration) != 0)
        return;
    const json_t *rule = lifecycle_first_abort(configuration, str_of(c->key), started_ms, &at_ms);
    if (!rule || at_ms == INT64_MAX)
        return;
    time_http(at_ms, time);
    http_reply_header(c->http, "x-amz-abort-date", time);
    http_reply_header(c->http, "x-amz-abort-rule-id", json_str(rule, "ID", ""));
}
