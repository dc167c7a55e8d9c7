/* See website.h, and setting.h for the check. */
#include "services/s3/website.h"
#include "services/s3/setting.h"
#include "wire/json.h"
#include "wire/uri.h"

/* ---- the configuration */

const char *website_index(const json_t *configuration)
{
    return json_str(json_object_get(configuration, "IndexDocument"), "Suffix", NULL);
}

const char *website_error(const json_t *configuration)
{
    return json_str(json_object_get(configuration, "ErrorDocument"), "Key", NULL);
}

static bool code_within(const char *text, int64_t from, int64_t to)
{
    int64_t code = 0;
    return str_to_int(str_of(text), from, to, &code);
}

static int check_rule(const json_t *rule, struct reason *why)
{
    const json_t *condition = json_object_get(rule, "Condition");
    const json_t *redirect = json_object_get(rule, "Redirect");
    const char *error = json_str(condition, "HttpErrorCodeReturnedEquals", NULL);
    const char *code = json_str(redirect, "HttpRedirectCode", NULL);
    if (json_object_size(redirect) == 0)
        return reason_set(why, S3_E_XML,
                          "A RoutingRule's Redirect says nothing: give it at least one of "
                          "HostName, HttpRedirectCode, Protocol, ReplaceKeyPrefixWith, "
                          "ReplaceKeyWith.");
    if (condition && json_object_size(condition) == 0)
        return reason_set(
            why, S3_E_REQUEST,
            "Condition cannot be empty. To redirect all requests without a condition, the condition "
            "element shouldn't be present.");
    if (json_object_get(redirect, "ReplaceKeyWith") && json_object_get(redirect, "ReplaceKeyPrefixWith"))
        return reason_set(why, S3_E_REQUEST,
                          "You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
    if (code && (!code_within(code, 301, 399)))
        return reason_set(
            why, S3_E_REQUEST,
            "The provided HTTP redirect code (%.16s) is not valid. Valid codes are 3XX except 300.", code);
    if (error && !code_within(error, 400, 599))
        return reason_set(why, S3_E_REQUEST,
                          "The provided HTTP error code (%.16s) is not valid. Valid codes are 4XX or 5XX.",
                          error);
    return 0;
}

int website_check(struct tx *tx UNUSED, const struct bucket *bucket UNUSED, json_t *document,
                  struct reason *why)
{
    const json_t *rules = json_object_get(document, "RoutingRules");
    const json_t *all = json_object_get(document, "RedirectAllRequestsTo");
    const char *index = website_index(document);
    if (all && json_object_size(document) > 1)
        return reason_set(
            why, S3_E_REQUEST,
            "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.");
    if (all && *json_str(all, "HostName", "") == '\0')
        return reason_set(why, S3_E_REQUEST, "RedirectAllRequestsTo names no HostName.");
    if (!all && !index)
        return reason_set(why, S3_E_ARGUMENT,
                          "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is "
                          "empty");
    if (!all && (*index == '\0' || strchr(index, '/')))
        return reason_set(why, S3_E_ARGUMENT, "The IndexDocument Suffix is not well formed");
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(rules); i++)
        rc = check_rule(json_array_get(rules, i), why);
    return rc;
}

/* ---- redirects */

static bool applies(const json_t *rule, const char *key, unsigned error)
{
    const json_t *condition = json_object_get(rule, "Condition");
    const char *prefix = json_str(condition, "KeyPrefixEquals", "");
    const char *code = json_str(condition, "HttpErrorCodeReturnedEquals", NULL);
    int64_t wanted = 0;
    if (code && !str_to_int(str_of(code), 0, 599, &wanted))
        return false;
    return wanted == (int64_t)error && str_starts(str_of(key), str_of(prefix));
}

/* The key that the rule makes of this one. */
static void put_key(struct buf *out, const json_t *rule, const char *key)
{
    const json_t *redirect = json_object_get(rule, "Redirect");
    const char *whole = json_str(redirect, "ReplaceKeyWith", NULL);
    const char *start = json_str(redirect, "ReplaceKeyPrefixWith", NULL);
    if (whole) {
        uri_encode(out, str_of(whole), true);
        return;
    }
    if (start) {
        uri_encode(out, str_of(start), true);
        key += strlen(json_str(json_object_get(rule, "Condition"), "KeyPrefixEquals", ""));
    }
    uri_encode(out, str_of(key), true);
}

/* `to` says scheme and host, where they are not this place's. */
static void put_place(struct buf *out, const json_t *to, const struct website_place *place)
{
    const char *host = json_str(to, "HostName", NULL);
    buf_puts(out, json_str(to, "Protocol", place->scheme));
    buf_puts(out, "://");
    buf_put_str(out, host ? str_of(host) : place->host);
    buf_puts(out, host ? "" : place->prefix);
    buf_putc(out, '/');
}

int website_route(const json_t *configuration, const struct website_place *place, const char *key,
                  unsigned error, struct buf *location, unsigned *ret_status)
{
    const json_t *all = json_object_get(configuration, "RedirectAllRequestsTo");
    const json_t *rules = json_object_get(configuration, "RoutingRules");
    *ret_status = 301;
    if (all) {
        put_place(location, all, place);
        uri_encode(location, str_of(key), true);
        return buf_error(location);
    }
    for (size_t i = 0; i < json_array_size(rules); i++) {
        const json_t *rule = json_array_get(rules, i);
        const json_t *redirect = json_object_get(rule, "Redirect");
        int64_t status = 301;
        if (!applies(rule, key, error))
            continue;
        if (str_to_int(str_of(json_str(redirect, "HttpRedirectCode", "301")), 301, 399, &status))
            *ret_status = (unsigned)status;
        put_place(location, redirect, place);
        put_key(location, rule, key);
        return buf_error(location);
    }
    return WEBSITE_STAYS;
}
