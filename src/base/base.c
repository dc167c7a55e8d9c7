/* Faults, borrowed strings and the clean-up functions of base.h. */
#include "base/base.h"
#include "base/log.h"
#include "base/mem.h"
#include <unistd.h>

int fault_at(int err, const char *file, int line, const char *func)
{
    int code = err == 0 ? EIO : abs(err);
    log_debug("fault", "%s:%d %s: %s", file, line, func, strerrordesc_np(code));
    return -code;
}

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + ('a' - 'A')) : byte;
}

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (a.ptr[i] != b.ptr[i] && lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    return true;
}

uint64_t str_hash(struct str s)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * UINT64_C(1099511628211);
    return hash;
}

void str_copy(char *ret, size_t size, const char *cstring)
{
    size_t len = strnlen(cstring, size - 1);
    memcpy(ret, cstring, len);
    ret[len] = '\0';
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && str_eq((struct str){s.ptr, prefix.len}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || str_eq((struct str){s.ptr + s.len - suffix.len, suffix.len}, suffix));
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && is_space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && is_space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct str str_split(struct str *rest, char sep)
{
    struct str whole = *rest;
    const char *at = whole.len > 0 ? memchr(whole.ptr, sep, whole.len) : NULL;
    if (!at) {
        *rest = (struct str){NULL, 0};
        return whole;
    }
    size_t before = (size_t)(at - whole.ptr);
    *rest = (struct str){at + 1, whole.len - before - 1};
    return (struct str){whole.ptr, before};
}

/* Accumulates below zero, where the range is wider by one. */
bool str_to_int(struct str s, int64_t min, int64_t max, int64_t *ret)
{
    bool negative = s.len > 0 && s.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == s.len)
        return false;
    int64_t value = 0;
    for (; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, s.ptr[i] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    if (value < min || value > max)
        return false;
    *ret = value;
    return true;
}

char *str_dup(struct str s)
{
    char *copy = mem_alloc(s.len + 1);
    if (copy && s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}

/* Remembers the last star only: a later star makes an earlier one's choice final. */
bool str_glob(struct str pattern, struct str s)
{
    size_t p = 0, i = 0, after_star = SIZE_MAX, star_at = 0;
    while (i < s.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            after_star = ++p;
            star_at = i;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == s.ptr[i])) {
            p++;
            i++;
        } else if (after_star != SIZE_MAX) {
            p = after_star;
            i = ++star_at;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void free_ptr(void *pointer_to_pointer)
{
    void *pointer;
    memcpy(&pointer, pointer_to_pointer, sizeof(pointer));
    free(pointer);
    memset(pointer_to_pointer, 0, sizeof(pointer));
}
