/* Lifecycle rules as requests and answers have them. Source: S3 API reference. */
#include "services/s3/api.h"
#include "services/s3/lifecycle.h"
#include "services/s3/setting.h"
#include "services/s3/version_api.h"
#include "wire/json.h"
#include "wire/uri.h"

/* Of transitions, which there are none of: kept and told all the same, as S3 does. */
#define SMALLEST_HEADER "x-amz-transition-default-minimum-object-size"
#define SMALLEST_MEMBER "TransitionDefaultMinimumObjectSize" /* of the document that is kept */
#define SMALLEST "all_storage_classes_128K"

int api_get_lifecycle(struct call *c)
{
    int rc = api_get_setting(c);
    const char *smallest =
        rc == 0 ? arena_dup(c->arena, str_of(json_str(c->out, SMALLEST_MEMBER, SMALLEST))) : "";
    if (!smallest)
        return FAULT(ENOMEM);
    if (rc == 0)
        call_reply_header(c, SMALLEST_HEADER, smallest);
    return rc;
}

int api_put_lifecycle(struct call *c)
{
    struct str said = str_trim(http_header(c->http, SMALLEST_HEADER));
    const char *smallest = said.ptr ? arena_dup(c->arena, said) : SMALLEST;
    if (!smallest)
        return FAULT(ENOMEM);
    if (strcmp(smallest, SMALLEST) != 0 && strcmp(smallest, "varies_by_storage_class") != 0)
        return call_fail(c, S3_E_REQUEST, "Invalid TransitionDefaultMinimumObjectSize found: %.64s",
                         smallest);
    int rc = json_put_str(c->in, SMALLEST_MEMBER, smallest);
    if (rc == 0)
        rc = api_put_setting(c);
    if (rc == 0)
        call_reply_header(c, SMALLEST_HEADER, smallest);
    return rc;
}

/* As it is, but what a header cannot carry, and what ends a quoted text or begins an encoded character. */
static void put_name(struct buf *out, struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= ' ' && name.ptr[i] <= '~' && !strchr("\"\\%", name.ptr[i]))
            buf_putc(out, name.ptr[i]);
        else
            uri_encode(out, (struct str){name.ptr + i, 1}, false);
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
    put_name(&id, str_of(json_str(rule, "ID", "")));
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
    CLEANUP(buf_free) struct buf id = BUF_INIT(3 * 256);
    put_name(&id, str_of(json_str(rule, "ID", "")));
    if (buf_error(&id) != 0)
        return;
    http_reply_header(c->http, "x-amz-abort-date", time);
    http_reply_header(c->http, "x-amz-abort-rule-id", id.len > 0 ? id.ptr : "");
}
