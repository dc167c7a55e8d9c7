/* See chunked.h. A machine of five states; what a line needs is kept until its end has come. */
#include "wire/chunked.h"

#define SIGNATURE_MARK ";chunk-signature="
#define TRAILER_SIGNATURE "x-amz-trailer-signature"
#define SIGNATURE_LEN 64

void chunked_init(struct chunked *chunked, bool has_signatures, bool has_trailer)
{
    *chunked = (struct chunked){.has_signatures = has_signatures, .has_trailer = has_trailer};
}

static struct str skip(struct str s, size_t len)
{
    return (struct str){s.ptr + len, s.len - len};
}

/* The line up to LF, without CR. 0, CHUNKED_E_SYNTAX when it is too long, or -EAGAIN: its end is not there
 * yet. */
static int take_line(struct chunked *chunked, struct str *input, struct str *ret)
{
    const char *end = input->len > 0 ? memchr(input->ptr, '\n', input->len) : NULL;
    size_t len = end ? (size_t)(end - input->ptr) : input->len;
    if (len > sizeof(chunked->line) - chunked->line_len)
        return CHUNKED_E_SYNTAX;
    if (len > 0)
        memcpy(chunked->line + chunked->line_len, input->ptr, len);
    chunked->line_len += len;
    *input = skip(*input, end ? len + 1 : len);
    if (!end)
        return -EAGAIN;
    *ret = (struct str){chunked->line, chunked->line_len};
    if (str_ends(*ret, STR("\r")))
        ret->len--;
    chunked->line_len = 0;
    return 0;
}

static bool read_size(struct str hex, int64_t *ret)
{
    int64_t size = 0;
    if (hex.len == 0 || hex.len > 15)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = hex.ptr[i] ? strchr(digits, hex.ptr[i]) : NULL;
        if (!digit)
            return false;
        size = size * 16 + (digit - digits) % 16;
    }
    *ret = size;
    return size <= CHUNKED_SIZE_MAX;
}

static bool signature_good(struct str signature)
{
    for (size_t i = 0; i < signature.len; i++)
        if (!signature.ptr[i] || !strchr("0123456789abcdef", signature.ptr[i]))
            return false;
    return signature.len == SIGNATURE_LEN;
}

static int on_head(struct chunked *chunked, struct str line, struct chunked_item *ret)
{
    size_t mark = 0;
    while (mark < line.len && line.ptr[mark] != ';')
        mark++;
    struct str extension = skip(line, mark);
    if (!read_size((struct str){line.ptr, mark}, &chunked->left))
        return CHUNKED_E_SYNTAX;
    if (chunked->has_signatures) {
        if (!str_starts(extension, STR(SIGNATURE_MARK)))
            return CHUNKED_E_SYNTAX;
        ret->signature = skip(extension, strlen(SIGNATURE_MARK));
        if (!signature_good(ret->signature))
            return CHUNKED_E_SYNTAX;
    }
    ret->kind = CHUNKED_CHUNK;
    ret->size = chunked->left;
    chunked->state = chunked->left > 0 ? CHUNKED_BYTES : CHUNKED_TAIL;
    return 0;
}

static void on_bytes(struct chunked *chunked, struct str *input, struct chunked_item *ret)
{
    size_t len = input->len;
    if ((int64_t)len > chunked->left)
        len = (size_t)chunked->left;
    ret->kind = CHUNKED_DATA;
    ret->bytes = (struct str){input->ptr, len};
    *input = skip(*input, len);
    chunked->left -= (int64_t)len;
    if (chunked->left == 0)
        chunked->state = CHUNKED_AFTER;
}

static int on_trailer(struct chunked *chunked, struct str line, struct chunked_item *ret)
{
    struct str value = line;
    struct str name = str_split(&value, ':');
    if (!chunked->has_trailer || !value.ptr || name.len == 0 || chunked->trailer_signed ||
        chunked->trailers++ == CHUNKED_TRAILERS_MAX)
        return CHUNKED_E_TRAILER;
    for (size_t i = 0; i < name.len; i++) {
        char *c = &chunked->line[i];
        if (*c <= ' ' || *c > '~')
            return CHUNKED_E_TRAILER;
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    }
    value = str_trim(value);
    if (!str_eqc(name, TRAILER_SIGNATURE)) {
        *ret = (struct chunked_item){.kind = CHUNKED_TRAILER, .name = name, .value = value};
        return 0;
    }
    if (!chunked->has_signatures || !signature_good(value))
        return CHUNKED_E_TRAILER;
    chunked->trailer_signed = true;
    *ret = (struct chunked_item){.kind = CHUNKED_SIGNATURE, .signature = value};
    return 0;
}

/* Some signers end each trailing header by LF CR LF, so that an empty line stands before the signature. */
static int on_tail(struct chunked *chunked, struct str line, struct chunked_item *ret)
{
    if (line.len > 0)
        return on_trailer(chunked, line, ret);
    bool awaits_signature = chunked->has_signatures && chunked->has_trailer && !chunked->trailer_signed;
    if (awaits_signature)
        return chunked->trailers++ < CHUNKED_TRAILERS_MAX ? 0 : CHUNKED_E_TRAILER;
    chunked->state = CHUNKED_DONE;
    ret->kind = CHUNKED_COMPLETE;
    return 0;
}

static int on_line(struct chunked *chunked, struct str line, struct chunked_item *ret)
{
    if (chunked->state == CHUNKED_HEAD)
        return on_head(chunked, line, ret);
    if (chunked->state == CHUNKED_TAIL)
        return on_tail(chunked, line, ret);
    if (line.len > 0)
        return CHUNKED_E_SYNTAX;
    chunked->state = CHUNKED_HEAD;
    ret->kind = CHUNKED_END;
    return 0;
}

int chunked_next(struct chunked *chunked, struct str *input, struct chunked_item *ret)
{
    *ret = (struct chunked_item){.kind = CHUNKED_MORE};
    while (input->len > 0 && ret->kind == CHUNKED_MORE) {
        struct str line;
        if (chunked->state == CHUNKED_DONE)
            return CHUNKED_E_SYNTAX;
        if (chunked->state == CHUNKED_BYTES) {
            on_bytes(chunked, input, ret);
            return 0;
        }
        int rc = take_line(chunked, input, &line);
        if (rc == 0)
            rc = on_line(chunked, line, ret);
        if (rc != 0)
            return rc == -EAGAIN ? 0 : chunked->state == CHUNKED_TAIL ? CHUNKED_E_TRAILER : rc;
    }
    return 0;
}
