/* See build_log.h. */
#include "workers/anchor/build_log.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "wire/json.h"
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define GATHER_MS 200
#define RETRY_MS 1000
#define BATCH_BYTES 262144
#define BATCH_LINES 2000
#define CARRIED_BYTES 65536 /* six times as many when all are escaped: a report takes a mebibyte */
#define CARRIED_LINES 500
#define WAITING_MAX 20000
#define LINE_MAX_BYTES 32768

/* 0 also when it is there already. *ret_absent: what it belongs to is not. */
static int ensure(struct aws_client *client, const char *operation, json_t *in, bool *ret_absent,
                  struct reason *why)
{
    struct aws_error error = {0};
    int r = in ? work_call(client, "logs", operation, in, NULL, &error, why) : FAULT(ENOMEM);

    *ret_absent = strcmp(error.code, "ResourceNotFoundException") == 0;
    return r == WORK_E_FAILED && strcmp(error.code, "ResourceAlreadyExistsException") == 0 ? 0 : r;
}

static int stream_make(struct aws_client *client, const char *group, const char *stream, struct reason *why)
{
    const char *form = "{s:s, s:s}";
    bool absent;
    int r = ensure(client, "CreateLogStream", json_pack(form, "logGroupName", group, "logStreamName", stream),
                   &absent, why);

    if (!absent)
        return r;
    *why = (struct reason){0};
    r = ensure(client, "CreateLogGroup", json_pack("{s:s}", "logGroupName", group), &absent, why);
    return r ? r
             : ensure(client, "CreateLogStream",
                      json_pack(form, "logGroupName", group, "logStreamName", stream), &absent, why);
}

int build_log_open(struct build_log *log, struct aws_client *client, const char *group, const char *stream)
{
    log->client = client;
    log->group = group;
    log->stream = stream;
    log->partial = BUF_INIT(LINE_MAX_BYTES + 16);
    log->events = json_array();
    log->due_ms = INT64_MAX;
    return log->events ? 0 : FAULT(ENOMEM);
}

/* What a build prints may be anything; a log event is UTF-8 without NUL. */
static json_t *text_of(struct str line)
{
    CLEANUP(buf_free) struct buf clean = BUF_INIT(4 * (size_t)LINE_MAX_BYTES);

    utf8_mend(line, &clean);
    return json_stringn(clean.len ? clean.ptr : " ", clean.len ? clean.len : 1);
}

static void line_add(struct build_log *log, struct str line)
{
    json_t *event;

    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (json_array_size(log->events) >= WAITING_MAX) {
        log->lost++;
        return;
    }
    event = json_pack("{s:I, s:o}", "timestamp", (json_int_t)clock_now_ms(), "message", text_of(line));
    if (!event || json_array_append_new(log->events, event)) {
        log->lost++;
        return;
    }
    log->bytes += line.len + 26;
    if (log->due_ms == INT64_MAX)
        log->due_ms = clock_mono_ms() + GATHER_MS;
}

void build_log_bytes(void *ctx, const char *bytes, size_t len)
{
    struct build_log *log = ctx;

    if (!log->group)
        return;
    while (len > 0) {
        const char *end = memchr(bytes, '\n', len);
        size_t part = end ? (size_t)(end - bytes) : len;
        size_t room = LINE_MAX_BYTES - log->partial.len;
        bool full = part >= room;

        if (full)
            part = room;
        buf_put(&log->partial, bytes, part);
        bytes += part;
        len -= part;
        if (!full && !end)
            return;
        line_add(log, buf_str(&log->partial));
        buf_reset(&log->partial);
        if (len > 0 && *bytes == '\n') {
            bytes++;
            len--;
        }
    }
    if (log->bytes >= BATCH_BYTES)
        log->due_ms = 0;
}

int64_t build_log_due_ms(void *ctx)
{
    return ((struct build_log *)ctx)->due_ms;
}

/* Takes a batch off the front. */
static json_t *batch_make(const json_t *events, size_t *ret_count)
{
    json_t *batch = json_array();
    size_t bytes = 0, i = 0;

    for (; batch && i < json_array_size(events) && i < BATCH_LINES && bytes < BATCH_BYTES; i++) {
        json_t *event = json_array_get(events, i);

        bytes += json_string_length(json_object_get(event, "message")) + 26;
        json_array_append(batch, event);
    }
    *ret_count = i;
    return batch;
}

static int batch_send(struct build_log *log, struct reason *why)
{
    size_t count;
    json_t *batch = batch_make(log->events, &count);
    json_t *in = json_pack("{s:s, s:s, s:o}", "logGroupName", log->group, "logStreamName", log->stream,
                           "logEvents", batch);
    struct aws_error error = {0};
    int r = in ? work_call(log->client, "logs", "PutLogEvents", in, NULL, &error, why) : FAULT(ENOMEM);

    if (r == WORK_E_FAILED && strcmp(error.code, "ResourceNotFoundException") == 0 && !log->remade) {
        log->remade = true; /* somebody removed it: once */
        *why = (struct reason){0};
        r = stream_make(log->client, log->group, log->stream, why);
        return r ? r : batch_send(log, why);
    }
    if (r == WORK_E_FAILED) {
        log_warn("anchor", "log lines were refused: %s", why->text);
        log->lost += (int64_t)count;
        r = 0;
    }
    for (size_t i = 0; r == 0 && i < count; i++)
        json_array_remove(log->events, 0);
    return r;
}

void build_log_flush(void *ctx)
{
    struct build_log *log = ctx;
    struct reason why = {0};

    log->bytes = 0;
    while (log->group && json_array_size(log->events) > 0) {
        if (batch_send(log, &why)) {
            log->due_ms = clock_mono_ms() + RETRY_MS;
            return;
        }
    }
    log->due_ms = INT64_MAX;
}

void build_log_say(struct build_log *log, const char *fmt, ...)
{
    char stamp[40], text[1024];
    time_t now = (time_t)(clock_now_ms() / 1000);
    struct tm utc;
    va_list args;

    if (!log->group)
        return;
    if (log->partial.len) {
        line_add(log, buf_str(&log->partial));
        buf_reset(&log->partial);
    }
    gmtime_r(&now, &utc);
    strftime(stamp, sizeof(stamp), "[Container] %Y/%m/%d %H:%M:%S ", &utc);
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    build_log_bytes(log, stamp, strlen(stamp));
    build_log_bytes(log, text, strlen(text));
    build_log_bytes(log, "\n", 1);
}

static void lines_end(struct build_log *log)
{
    if (log->partial.len)
        line_add(log, buf_str(&log->partial));
    buf_reset(&log->partial);
    if (log->lost)
        build_log_say(log, "%lld lines were lost: too many came while the log could not be written",
                      (long long)log->lost);
    log->lost = 0;
}

json_t *build_log_last(struct build_log *log)
{
    bool fits;

    if (!log->group)
        return NULL;
    lines_end(log);
    fits = json_array_size(log->events) <= CARRIED_LINES && log->bytes <= CARRIED_BYTES;
    return fits && json_array_size(log->events) > 0 ? log->events : NULL;
}

void build_log_carried(struct build_log *log)
{
    (void)json_array_clear(log->events);
    log->bytes = 0;
    log->due_ms = INT64_MAX;
}

bool build_log_finish(struct build_log *log)
{
    if (!log->group)
        return false;
    lines_end(log);
    build_log_flush(log);
    return json_array_size(log->events) > 0;
}

void build_log_close(struct build_log *log)
{
    buf_free(&log->partial);
    json_decref(log->events);
    *log = (struct build_log){0};
}
