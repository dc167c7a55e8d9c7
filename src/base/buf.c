/* The bounded growing buffer; one byte more than `len` is always there for the NUL. */
#include "base/buf.h"
#include "base/mem.h"
#include <stdarg.h>
#include <stdio.h>

#define FIRST_CAPACITY ((size_t)64)

void buf_free(struct buf *buf)
{
    free(buf->ptr);
    *buf = (struct buf){.max = buf->max};
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    buf->error = 0;
    if (buf->ptr)
        buf->ptr[0] = '\0';
}

int buf_reserve(struct buf *buf, size_t more_bytes)
{
    if (buf->error)
        return buf->error;
    if (more_bytes > buf->max - buf->len)
        return buf->error = FAULT(EMSGSIZE);
    size_t need = buf->len + more_bytes + 1;
    if (need <= buf->cap)
        return 0;
    size_t cap = buf->cap ? buf->cap : FIRST_CAPACITY;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    char *grown = mem_realloc(buf->ptr, cap);
    if (!grown)
        return buf->error = FAULT(ENOMEM);
    buf->ptr = grown;
    buf->cap = cap;
    return 0;
}

char *buf_extend(struct buf *buf, size_t len)
{
    if (buf_reserve(buf, len) < 0)
        return NULL;
    char *bytes = buf->ptr + buf->len;
    buf->len += len;
    bytes[len] = '\0';
    return bytes;
}

int buf_puts(struct buf *buf, const char *cstring)
{
    return buf_put(buf, cstring, strlen(cstring));
}

int buf_put_str(struct buf *buf, struct str s)
{
    return buf_put(buf, s.ptr, s.len);
}

int buf_put_int(struct buf *buf, int64_t value)
{
    char text[20]; /* "-9223372036854775808" */
    char *end = text + sizeof(text), *at = end;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--at = '-';
    return buf_put(buf, at, (size_t)(end - at));
}

int buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    int r = len < 0 ? FAULT(EINVAL) : buf_reserve(buf, (size_t)len);
    if (r == 0) {
        (void)vsnprintf(buf->ptr + buf->len, (size_t)len + 1, fmt, again);
        buf->len += (size_t)len;
    } else {
        buf->error = r;
    }
    va_end(again);
    return r;
}

int buf_error(const struct buf *buf)
{
    return buf->error;
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){buf->ptr, buf->len};
}

char *buf_take(struct buf *buf)
{
    char *bytes = NULL;
    if (!buf->error && buf->len > 0)
        bytes = take(buf->ptr);
    buf_free(buf);
    return bytes;
}
