/* What a handler may do with its call. */
#include "services/service.h"
#include "base/clock.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define WAIT_HEADER "x-slipway-wait"
#define WAIT_MAX_MS 60000

int call_fail(struct call *c, int outcome, const char *fmt, ...)
{
    va_list args;
    char text[sizeof(c->reason.text)];
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    return reason_set(&c->reason, outcome, "%s", text);
}

void call_error_header(struct call *c, const char *name, const char *value)
{
    const char *copy = arena_dup(c->arena, str_of(value));
    if (copy && c->error_header_count < CALL_ERROR_HEADERS)
        c->error_headers[c->error_header_count++] = (struct http_header){str_of(name), str_of(copy)};
}

void call_reply_header(struct call *c, const char *name, const char *value)
{
    const char *copy = arena_dup(c->arena, str_of(value));
    if (copy && c->reply_header_count < CALL_REPLY_HEADERS)
        c->reply_headers[c->reply_header_count++] = (struct http_header){str_of(name), str_of(copy)};
}

void call_any_header(struct call *c, const char *name, const char *value)
{
    const char *copy = arena_dup(c->arena, str_of(value));
    for (size_t i = 0; i < c->any_header_count; i++)
        if (str_eqc(c->any_headers[i].name, name)) {
            c->any_headers[i].value = str_of(copy);
            return;
        }
    if (copy && c->any_header_count < CALL_ANY_HEADERS)
        c->any_headers[c->any_header_count++] = (struct http_header){str_of(name), str_of(copy)};
}

void call_error_element(struct call *c, const char *name, const char *value)
{
    if (c->error_element_count < CALL_ERROR_ELEMENTS)
        c->error_elements[c->error_element_count++] = (struct http_header){str_of(name), str_of(value)};
}

void call_error_text(struct call *c, const char *name, struct str value)
{
    const char *copy = arena_dup(c->arena, value.ptr ? value : STR(""));
    if (copy)
        call_error_element(c, name, copy);
}

void call_error_number(struct call *c, const char *name, int64_t value)
{
    const char *text = arena_printf(c->arena, "%" PRId64, value);
    if (text)
        call_error_element(c, name, text);
}

struct str call_trailer(const struct call *c, const char *name)
{
    return header_find(c->trailers, c->trailer_count, name);
}

int64_t call_wait_ms(const struct call *c)
{
    int64_t ms;
    struct str said = http_header(c->http, WAIT_HEADER);
    if (!said.ptr || !str_to_int(said, 0, INT64_MAX, &ms))
        return 0;
    return ms > WAIT_MAX_MS ? WAIT_MAX_MS : ms;
}

int call_wait(struct call *c, int64_t max_ms, const char *topic)
{
    int64_t now = clock_mono_ms();
    if (c->wait_deadline_mono_ms == 0)
        c->wait_deadline_mono_ms = now + max_ms;
    if (now >= c->wait_deadline_mono_ms || http_stopping(c->http))
        return 0;
    int len = snprintf(c->wait_topic, sizeof(c->wait_topic), "%s", topic);
    assert(len > 0 && (size_t)len < sizeof(c->wait_topic));
    return CALL_WAIT;
}
