/* Conditional requests: reads and copies' sources (RFC 9110 §13, in its order of precedence), writes,
 * deletions.
 *
 * A write's conditions are looked at within its transaction: of several at once that all may write only if
 * there is nothing yet, one does, and the others are told that there is something. So a race is never
 * answered ConditionalRequestConflict, which asks to try again: its outcome is always known. That is what a
 * completed upload is told that may write only if there is nothing, where there was something since it was
 * begun: as on S3, what was deleted meanwhile is not brought back. */
#include "base/clock.h"
#include "services/s3/access.h"
#include "services/s3/api.h"
#include "services/s3/conditional.h"
#include <stdio.h>

bool etag_listed(struct str list, const char *etag)
{
    while (list.len > 0) {
        struct str one = str_trim(str_split(&list, ','));
        if (str_eqc(one, "*"))
            return true;
        if (str_starts(one, STR("W/")))
            one = (struct str){one.ptr + 2, one.len - 2};
        if (one.len >= 2 && one.ptr[0] == '"' && one.ptr[one.len - 1] == '"')
            one = (struct str){one.ptr + 1, one.len - 2};
        if (str_eqc(one, etag))
            return true;
    }
    return false;
}

/* `prefix` is "" or "x-amz-copy-source-". */
static int failed(struct call *c, const char *prefix, const char *condition)
{
    const char *header = arena_printf(c->arena, "%s%s", prefix, condition);
    if (!header)
        return FAULT(ENOMEM);
    call_error_element(c, "Condition", header);
    return call_fail(c, S3_E_PRECONDITION, "At least one of the pre-conditions you specified did not hold");
}

static struct str condition(struct call *c, const char *prefix, const char *name)
{
    char header[64];
    if (!*prefix)
        return http_header(c->http, name);
    (void)snprintf(header, sizeof(header), "%s%s", prefix, name);
    return http_header(c->http, header);
}

int conditions_check(struct call *c, const char *prefix, const struct object *object)
{
    struct str match = condition(c, prefix, "if-match");
    struct str none = condition(c, prefix, "if-none-match");
    struct str since = condition(c, prefix, "if-modified-since");
    struct str until = condition(c, prefix, "if-unmodified-since");
    int64_t modified_ms = object->modified_ms - object->modified_ms % 1000;
    int64_t time_ms = 0, now_ms = clock_now_ms();
    if (match.ptr && !etag_listed(match, object->etag))
        return failed(c, prefix, "If-Match");
    if (!match.ptr && until.ptr && time_parse_http(until, &time_ms) && modified_ms > time_ms)
        return failed(c, prefix, "If-Unmodified-Since");
    bool same = none.ptr ? etag_listed(none, object->etag)
                         : since.ptr && time_parse_http(since, &time_ms) && modified_ms <= time_ms &&
                               time_ms <= now_ms; /* of a clock that is ahead nothing can be told */
    if (!same)
        return 0;
    return *prefix ? failed(c, prefix, none.ptr ? "If-None-Match" : "If-Modified-Since") : S3_E_NOT_MODIFIED;
}

bool if_range_holds(const struct call *c, const struct object *object)
{
    struct str said = str_trim(http_header(c->http, "if-range"));
    int64_t time_ms = 0;
    if (!said.ptr)
        return true;
    if (time_parse_http(said, &time_ms))
        return object->modified_ms - object->modified_ms % 1000 == time_ms;
    return !str_starts(said, STR("W/")) && etag_listed(said, object->etag);
}

static int not_implemented(struct call *c, const char *header, const char *because)
{
    call_error_element(c, "Header", header);
    call_error_element(c, "additionalMessage", because);
    return call_fail(c, S3_E_NOT_IMPLEMENTED,
                     "A header you provided implies functionality that is not implemented");
}

/* The source of a copy has conditions of its own: of its failure it is told there. */
int api_condition_failed(struct call *c)
{
    if (c->error_element_count > 0)
        return S3_E_PRECONDITION;
    return failed(c, "", http_header(c->http, "if-none-match").ptr ? "If-None-Match" : "If-Match");
}

int api_write_conditions(struct call *c, struct object_new *new)
{
    struct str none = http_header(c->http, "if-none-match");
    struct str match = http_header(c->http, "if-match");
    if (none.ptr && match.ptr)
        return not_implemented(c, "If-Match,If-None-Match",
                               "Multiple conditional request headers present in the request");
    if (none.ptr && !str_eqc(str_trim(none), "*"))
        return not_implemented(c, "If-None-Match",
                               "We don't accept the provided value of If-None-Match header for this API");
    if (match.ptr && str_eqc(str_trim(match), "*"))
        return not_implemented(c, "If-Match",
                               "We don't accept the provided value of If-Match header for this API");
    new->if_none_match = none.ptr != NULL;
    if (!match.ptr)
        return 0;
    match = str_trim(match);
    if (match.len >= 2 && match.ptr[0] == '"')
        match = (struct str){match.ptr + 1, match.len - 2};
    new->if_match = arena_dup(c->arena, match);
    return new->if_match ? 0 : FAULT(ENOMEM);
}

int api_refuse_match(struct call *c)
{
    return http_header(c->http, "if-match").ptr
               ? not_implemented(c, "If-Match",
                                 "If-Match is about the current object, not about one of its versions")
               : 0;
}

/* Who may not read it must not learn its ETag by asking whether it is this or that. */
static int may_compare(struct call *c, struct tx *tx, const struct bucket *bucket, const char *key)
{
    const struct access access = {"s3:GetObject", key, NULL};
    return access_check(c, tx, bucket, &access);
}

int api_may_compare(struct call *c, struct tx *tx, const struct bucket *bucket)
{
    return http_header(c->http, "if-match").ptr ? may_compare(c, tx, bucket, c->key) : 0;
}

int api_delete_condition(struct call *c, struct tx *tx, const struct bucket *bucket, const char *key,
                         struct str match)
{
    CLEANUP(object_unload) struct object current = {0};
    if (!match.ptr)
        return 0;
    int rc = str_eqc(str_trim(match), "*") ? 0 : may_compare(c, tx, bucket, key);
    if (rc == 0)
        rc = object_find(tx, bucket->name, key, NULL, &current);
    if (rc == S3_E_NO_KEY || (rc == 0 && current.marker))
        return call_fail(c, S3_E_NO_KEY, "The specified key does not exist.");
    return rc != 0 || etag_listed(match, current.etag) ? rc : failed(c, "", "If-Match");
}
