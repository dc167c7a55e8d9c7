/* What every file may use: attributes, borrowed strings, scope clean-up, and the error convention.
 *
 * A fallible function returns int: 0 is done; a negative value is a fault (-errno, traced where it arose by
 * FAULT() and forwarded unchanged); a positive value is a documented outcome that the immediate caller
 * handles. */
#pragma once

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))
#define UNUSED __attribute__((unused))
#define CLEANUP(fn) __attribute__((cleanup(fn)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Hands ownership out of a CLEANUP variable: yields the pointer and leaves NULL behind. */
#define take(p)                                                                                              \
    ({                                                                                                       \
        __typeof__(p) taken_ = (p);                                                                          \
        (p) = NULL;                                                                                          \
        taken_;                                                                                              \
    })

/* Takes an fd out of a CLEANUP(close_fd) variable and leaves -1 behind. */
#define take_fd(fd)                                                                                          \
    ({                                                                                                       \
        int taken_ = (fd);                                                                                   \
        (fd) = -1;                                                                                           \
        taken_;                                                                                              \
    })

/* Logs where a fault arose (at debug level) and yields the negative errno to return. `err` may have either
 * sign; 0 becomes -EIO. */
#define FAULT(err) fault_negative(fault_at((err), __FILE__, __LINE__, __func__))
int fault_at(int err, const char *file, int line, const char *func);

/* Tells compiler and analyser what fault_at() promises. */
static inline int fault_negative(int fault)
{
    if (fault >= 0)
        __builtin_unreachable();
    return fault;
}

/* Borrowed bytes: not owned, not necessarily NUL-terminated. */
struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_of(const char *cstring)
{
    return (struct str){cstring, cstring ? strlen(cstring) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_eqc(struct str a, const char *b)
{
    return str_eq(a, str_of(b));
}

bool str_eq_nocase(struct str a, struct str b);
uint64_t str_hash(struct str s); /* FNV-1a: who chooses the text can make collisions */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
struct str str_trim(struct str s);
/* Splits at the first `sep`: returns what is before it and leaves in *rest what is after ({NULL,0} at the
 * end). */
struct str str_split(struct str *rest, char sep);
/* Whole-string decimal number within [min, max]; false otherwise. */
bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *ret);
/* A malloc'd NUL-terminated copy; NULL when out of memory. */
char *str_dup(struct str s) MUST_USE;
/* Into an array of `size` bytes, cut to fit; always NUL-terminated. */
void str_copy(char *ret, size_t size, const char *cstring);
/* Shell-style pattern, whole string: `*` any run (also `/`), `?` one byte. No escapes. */
bool str_glob(struct str pattern, struct str s);

/* CLEANUP functions for the C library's own objects. */
void close_fd(int *fd);
void free_ptr(void *pointer_to_pointer); /* for any `T *p`: CLEANUP(free_ptr) char *p */
