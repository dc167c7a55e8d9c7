/* See http_answer.h. */
#include "wire/http_answer.h"

#define LINE_MAX_BYTES ((size_t)64 << 10)
#define CHUNK_DIGITS_MAX 15

struct reading {
    struct http_answer *answer;
    struct str *input;
    struct buf *headers;
    struct buf *body;
};

enum { GOES_ON, NEEDS_MORE = HTTP_ANSWER_E_SYNTAX + 1 };

/* A line without its end; NEEDS_MORE. */
static int line_take(struct str *input, struct str *ret)
{
    const char *end = input->len > 0 ? memchr(input->ptr, '\n', input->len) : NULL;

    if (!end)
        return input->len > LINE_MAX_BYTES ? HTTP_ANSWER_E_SYNTAX : NEEDS_MORE;
    *ret = (struct str){input->ptr, (size_t)(end - input->ptr)};
    *input = (struct str){end + 1, input->len - ret->len - 1};
    if (ret->len > 0 && ret->ptr[ret->len - 1] == '\r')
        ret->len--;
    return 0;
}

/* "HTTP/1.1 200 OK" */
static int read_status(struct reading *r)
{
    struct str line, digits;
    int64_t status;
    int found = line_take(r->input, &line);

    if (found)
        return found;
    if (line.len < 12 || !str_starts(line, STR("HTTP/1.")) || line.ptr[8] != ' ')
        return HTTP_ANSWER_E_SYNTAX;
    digits = (struct str){line.ptr + 9, 3};
    if (!str_to_int(digits, 100, 999, &status) || (line.len > 12 && line.ptr[12] != ' '))
        return HTTP_ANSWER_E_SYNTAX;
    *r->answer = (struct http_answer){.to_head = r->answer->to_head,
                                      .stage = HTTP_ANSWER_HEADERS,
                                      .status = (unsigned)status,
                                      .stays = line.ptr[7] != '0',
                                      .left = -1};
    buf_reset(r->headers);
    return GOES_ON;
}

static int see_length(struct http_answer *answer, struct str value)
{
    int64_t length;

    if (!str_to_int(value, 0, INT64_MAX, &length) || (answer->left >= 0 && answer->left != length))
        return HTTP_ANSWER_E_SYNTAX;
    answer->left = length;
    return 0;
}

static int see_coding(struct http_answer *answer, struct str value)
{
    if (!str_eq_nocase(value, STR("chunked")) || answer->chunked)
        return HTTP_ANSWER_E_SYNTAX;
    answer->chunked = true;
    return 0;
}

static int see_connection(struct http_answer *answer, struct str value)
{
    while (value.ptr)
        if (str_eq_nocase(str_trim(str_split(&value, ',')), STR("close")))
            answer->stays = false;
    return 0;
}

static int see_header(struct http_answer *answer, struct str line)
{
    static const struct {
        const char *name;
        int (*see)(struct http_answer *answer, struct str value);
    } seen[] = {
        {"content-length", see_length},
        {"transfer-encoding", see_coding},
        {"connection", see_connection},
    };
    struct str value = line, name = str_split(&value, ':');

    if (!value.ptr || name.len == 0 || line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return HTTP_ANSWER_E_SYNTAX;
    for (size_t i = 0; i < ARRAY_LEN(seen); i++)
        if (str_eq_nocase(name, str_of(seen[i].name)))
            return seen[i].see(answer, str_trim(value));
    return 0;
}

/* RFC 9112, section 6.3. */
static int headers_over(struct http_answer *answer)
{
    bool none = answer->to_head || answer->status == 204 || answer->status == 304;

    if (answer->status == 101)
        return HTTP_ANSWER_E_SYNTAX; /* nobody asked for it */
    if (answer->status < 200) {
        answer->stage = HTTP_ANSWER_STATUS;
    } else if (none || (!answer->chunked && answer->left == 0)) {
        answer->stage = HTTP_ANSWER_DONE;
    } else if (answer->chunked) {
        answer->stage = HTTP_ANSWER_CHUNK;
    } else if (answer->left > 0) {
        answer->stage = HTTP_ANSWER_BYTES;
    } else {
        answer->stage = HTTP_ANSWER_ALL;
        answer->stays = false;
    }
    return GOES_ON;
}

static int read_header(struct reading *r)
{
    struct str line;
    int found = line_take(r->input, &line);

    if (found)
        return found;
    if (line.len == 0)
        return headers_over(r->answer);
    buf_put_str(r->headers, line);
    if (buf_puts(r->headers, "\r\n"))
        return buf_error(r->headers);
    return see_header(r->answer, line);
}

static int bytes_take(struct reading *r, size_t most)
{
    size_t len = r->input->len < most ? r->input->len : most;

    if (len == 0)
        return NEEDS_MORE;
    if (buf_put(r->body, r->input->ptr, len))
        return buf_error(r->body);
    *r->input = (struct str){r->input->ptr + len, r->input->len - len};
    return GOES_ON;
}

static int read_all(struct reading *r)
{
    return bytes_take(r, SIZE_MAX);
}

static int read_bytes(struct reading *r)
{
    size_t before = r->input->len;
    int found = bytes_take(r, (size_t)r->answer->left);

    if (found)
        return found;
    r->answer->left -= (int64_t)(before - r->input->len);
    if (r->answer->left == 0)
        r->answer->stage = r->answer->stage == HTTP_ANSWER_BYTES ? HTTP_ANSWER_DONE : HTTP_ANSWER_CHUNK_END;
    return GOES_ON;
}

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* "1a2b;extension" */
static int read_chunk(struct reading *r)
{
    struct str line, digits;
    int64_t size = 0;
    int found = line_take(r->input, &line);

    if (found)
        return found;
    digits = str_trim(str_split(&line, ';'));
    if (digits.len == 0 || digits.len > CHUNK_DIGITS_MAX)
        return HTTP_ANSWER_E_SYNTAX;
    for (size_t i = 0; i < digits.len; i++) {
        int digit = digit_of(digits.ptr[i]);

        if (digit < 0)
            return HTTP_ANSWER_E_SYNTAX;
        size = size * 16 + digit;
    }
    r->answer->left = size;
    r->answer->stage = size > 0 ? HTTP_ANSWER_CHUNK_BYTES : HTTP_ANSWER_TRAILER;
    return GOES_ON;
}

static int read_chunk_end(struct reading *r)
{
    struct str line;
    int found = line_take(r->input, &line);

    if (found)
        return found;
    r->answer->stage = HTTP_ANSWER_CHUNK;
    return line.len == 0 ? GOES_ON : HTTP_ANSWER_E_SYNTAX;
}

static int read_trailer(struct reading *r)
{
    struct str line;
    int found = line_take(r->input, &line);

    if (found)
        return found;
    if (line.len == 0)
        r->answer->stage = HTTP_ANSWER_DONE;
    return GOES_ON;
}

int http_answer_read(struct http_answer *answer, struct str *input, struct buf *headers, struct buf *body)
{
    static int (*const stages[])(struct reading *) = {
        [HTTP_ANSWER_STATUS] = read_status,       [HTTP_ANSWER_HEADERS] = read_header,
        [HTTP_ANSWER_BYTES] = read_bytes,         [HTTP_ANSWER_ALL] = read_all,
        [HTTP_ANSWER_CHUNK] = read_chunk,         [HTTP_ANSWER_CHUNK_BYTES] = read_bytes,
        [HTTP_ANSWER_CHUNK_END] = read_chunk_end, [HTTP_ANSWER_TRAILER] = read_trailer,
    };
    struct reading reading = {answer, input, headers, body};
    int r = GOES_ON;

    while (r == GOES_ON && answer->stage != HTTP_ANSWER_DONE)
        r = stages[answer->stage](&reading);
    return r == NEEDS_MORE ? 0 : r;
}
