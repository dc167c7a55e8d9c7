/* Websites: an unsigned GET or HEAD of a bucket that is one. Index and error documents, redirects, errors for
 * people. Objects are read with s3:GetObject's permission, which the bucket's policy must give to everybody.
 * Source: S3 user guide, "Hosting a static website", "Configuring a custom error document". */
#include "services/s3/reading.h"
#include "services/s3/setting.h"
#include "services/s3/website.h"
#include "services/s3/headers.h"
#include "wire/json.h"
#include "wire/uri.h"
#include "wire/xml.h"

#define PAGE_MAX 16384
#define LOCATION_MAX 8192

struct visit {
    struct call *c;
    json_t *configuration;
    struct website_place place;
    const char *key; /* as it was asked for; "" for the website itself */
    bool head;
};

static void visit_deinit(struct visit *v)
{
    json_free(&v->configuration);
}

/* S3_E_NO_WEBSITE: it is none. */
static int visit_init(struct call *c, bool head, struct visit *v)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    int rc = call_look(c, DB_ANYTHING, &tx);
    if (rc == 0)
        rc = bucket_load(tx, c->bucket, &bucket, &c->reason);
    if (rc == 0)
        rc = setting_get(tx, c->bucket, SETTING_WEBSITE, &v->configuration);
    rc = call_looked(&tx, rc);
    if (rc != 0)
        return rc;
    bool secure = str_starts(str_of(c->platform->endpoint), STR("https:"));
    v->c = c;
    v->head = head;
    v->key = c->key ? c->key : "";
    v->place.scheme = secure ? "https" : "http";
    v->place.host = http_header(c->http, "host");
    v->place.prefix = c->bucket_in_host ? "" : arena_printf(c->arena, "/%s", c->bucket);
    return v->place.prefix ? 0 : FAULT(ENOMEM);
}

static int redirect(struct visit *v, unsigned status, const char *location)
{
    call_reply(v->c, status);
    http_reply_header(v->c->http, "Location", location);
    http_reply_no_body(v->c->http, 0);
    return CALL_REPLIED;
}

/* Follows the rules for that error, 0 being none yet. */
static int route(struct visit *v, unsigned error)
{
    CLEANUP(buf_free) struct buf location = BUF_INIT(LOCATION_MAX);
    unsigned status = 0;
    int rc = website_route(v->configuration, &v->place, v->key, error, &location, &status);
    return rc != 0 ? rc : redirect(v, status, location.ptr);
}

static int serve(struct visit *v, struct reading *r, unsigned status)
{
    struct str elsewhere = headers_get(r->object.headers, REDIRECT_HEADER);
    if (status != 200 || !elsewhere.ptr)
        return reading_reply(v->c, r, status);
    const char *location = arena_dup(v->c->arena, elsewhere);
    return location ? redirect(v, 301, location) : FAULT(ENOMEM);
}

static bool is_missing(int rc)
{
    return rc == S3_E_NO_KEY || rc == S3_E_DENIED;
}

/* "/docs" where "/docs/index.html" is. */
static int route_to_folder(struct visit *v)
{
    CLEANUP(reading_deinit) struct reading r = {.source = {.fd = -1}, .head = true, .website = true};
    CLEANUP(buf_free) struct buf location = BUF_INIT(LOCATION_MAX);
    const char *index = arena_printf(v->c->arena, "%s/%s", v->key, website_index(v->configuration));
    if (!index)
        return FAULT(ENOMEM);
    if (*v->key == '\0' || str_ends(str_of(v->key), STR("/")))
        return WEBSITE_STAYS;
    int rc = reading_load(v->c, index, NULL, &r);
    if (rc != 0)
        return is_missing(rc) ? WEBSITE_STAYS : rc;
    buf_puts(&location, v->place.prefix);
    buf_putc(&location, '/');
    uri_encode(&location, str_of(v->key), true);
    buf_putc(&location, '/');
    return buf_error(&location) != 0 ? FAULT(buf_error(&location)) : redirect(v, 302, location.ptr);
}

static void put_item(struct buf *out, const char *name, const char *value)
{
    buf_puts(out, "<li>");
    buf_puts(out, name);
    buf_puts(out, ": ");
    xml_escape(out, str_of(value));
    buf_puts(out, "</li>\n");
}

/* The page of a website that has no error document. */
static int show_error(struct visit *v, unsigned status)
{
    struct call *c = v->c;
    const char *title = status == 404 ? "404 Not Found" : "403 Forbidden";
    const char *code = status == 404 ? "NoSuchKey" : "AccessDenied";
    const char *message = status == 404 ? "The specified key does not exist." : "Access Denied";
    CLEANUP(buf_free) struct buf page = BUF_INIT(PAGE_MAX);
    buf_printf(&page, "<html>\n<head><title>%s</title></head>\n<body>\n<h1>%s</h1>\n<ul>\n", title, title);
    put_item(&page, "Code", code);
    put_item(&page, "Message", message);
    put_item(&page, "Key", c->key ? c->key : "");
    put_item(&page, "RequestId", c->http->id);
    buf_puts(&page, "</ul>\n<hr/>\n</body>\n</html>\n");
    if (buf_error(&page) != 0)
        return FAULT(buf_error(&page));
    call_reply(c, status);
    http_reply_header(c->http, "x-amz-error-code", code);
    http_reply_header(c->http, "x-amz-error-message", message);
    http_reply_header(c->http, "Content-Type", "text/html; charset=utf-8");
    if (v->head)
        http_reply_no_body(c->http, (int64_t)page.len);
    else
        http_reply_buf(c->http, &page);
    return CALL_REPLIED;
}

static int fail(struct visit *v, unsigned status)
{
    CLEANUP(reading_deinit)
    struct reading r = {.source = {.fd = -1}, .head = v->head, .website = true, .whole = true};
    const char *document = website_error(v->configuration);
    int rc = route_to_folder(v);
    if (rc == WEBSITE_STAYS)
        rc = route(v, status);
    if (rc != WEBSITE_STAYS)
        return rc;
    rc = document ? reading_load(v->c, document, NULL, &r) : S3_E_NO_KEY;
    if (rc == 0)
        return serve(v, &r, status);
    return is_missing(rc) ? show_error(v, status) : rc;
}

static int visit(struct visit *v)
{
    CLEANUP(reading_deinit) struct reading r = {.source = {.fd = -1}, .head = v->head, .website = true};
    bool folder = *v->key == '\0' || str_ends(str_of(v->key), STR("/"));
    int rc = route(v, 0);
    if (rc != WEBSITE_STAYS)
        return rc;
    const char *key =
        folder ? arena_printf(v->c->arena, "%s%s", v->key, website_index(v->configuration)) : v->key;
    if (!key)
        return FAULT(ENOMEM);
    rc = reading_load(v->c, key, NULL, &r);
    if (rc == 0)
        return serve(v, &r, 200);
    return is_missing(rc) ? fail(v, rc == S3_E_NO_KEY ? 404 : 403) : rc;
}

int api_website(struct call *c, bool head)
{
    CLEANUP(visit_deinit) struct visit v = {0};
    int rc = visit_init(c, head, &v);
    if (rc == S3_E_NO_WEBSITE)
        return 0;
    return rc != 0 ? rc : visit(&v);
}
