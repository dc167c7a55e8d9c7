/* A growing byte buffer with a maximum declared at birth. Errors stick: after a failed append every further
 * append fails too, so a run of appends needs one check at its end (buf_error). Always NUL-terminated once
 * non-empty. */
#pragma once

#include "base/base.h"

struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t max;
    int error; /* 0, -ENOMEM, or -EMSGSIZE when `max` would be passed */
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

void buf_free(struct buf *buf);  /* CLEANUP-able */
void buf_reset(struct buf *buf); /* empty, keeps the memory, clears the error */
int buf_reserve(struct buf *buf, size_t more_bytes);
static inline int buf_put(struct buf *buf, const void *bytes, size_t len);
int buf_puts(struct buf *buf, const char *cstring);
int buf_put_str(struct buf *buf, struct str s);
static inline int buf_putc(struct buf *buf, char c);
int buf_put_int(struct buf *buf, int64_t value); /* in decimal */
/* Appends `len` bytes for the caller to fill at once; NULL when the buffer has failed. */
char *buf_extend(struct buf *buf, size_t len);
int buf_printf(struct buf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
int buf_error(const struct buf *buf) MUST_USE;
struct str buf_str(const struct buf *buf);
/* Hands over the bytes (NUL-terminated, free() them); the buffer is empty afterwards. NULL when empty or
 * failed. */
char *buf_take(struct buf *buf) MUST_USE;

/* Whether they fit without more memory. */
static inline bool buf_has_room(const struct buf *buf, size_t bytes)
{
    return bytes < buf->cap - buf->len && bytes <= buf->max - buf->len && !buf->error;
}

static inline int buf_put(struct buf *buf, const void *bytes, size_t len)
{
    if (!buf_has_room(buf, len) && buf_reserve(buf, len))
        return buf->error;
    if (len > 0)
        memcpy(buf->ptr + buf->len, bytes, len);
    buf->len += len;
    buf->ptr[buf->len] = '\0';
    return 0;
}

static inline int buf_putc(struct buf *buf, char c)
{
    return buf_put(buf, &c, 1);
}
