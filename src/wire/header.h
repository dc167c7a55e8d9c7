/* Header fields of an HTTP message, as they were on the wire. */
#pragma once

#include "base/base.h"

struct http_header {
    struct str name; /* any case */
    struct str value;
};

/* Value of the first header of that name (ASCII case ignored), or {NULL,0}. */
static inline struct str header_find(const struct http_header *headers, size_t count, const char *name)
{
    struct str wanted = str_of(name);
    for (size_t i = 0; i < count; i++)
        if (headers[i].name.len == wanted.len && str_eq_nocase(headers[i].name, wanted))
            return headers[i].value;
    return (struct str){NULL, 0};
}
