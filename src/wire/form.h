/* Reading multipart/form-data piece by piece: nothing is kept but a part's headers and what may yet be its
 * end. Source: RFC 7578, RFC 2046 §5.1. */
#pragma once

#include "base/base.h"

#define FORM_BOUNDARY_MAX 70
#define FORM_HEADERS_MAX 4096 /* of one part */

enum form_state {
    FORM_PREAMBLE, /* before the first boundary */
    FORM_BODY,
    FORM_AFTER, /* a boundary was read: does a part follow, or was it the last? */
    FORM_HEADERS,
    FORM_DONE,
};

struct form {
    enum form_state state;
    char delimiter[FORM_BOUNDARY_MAX + 4]; /* CR LF - - boundary */
    size_t delimiter_len;
    size_t matched; /* of the delimiter */
    bool is_last;   /* the first of the two bytes after a boundary was '-' */
    bool blank;     /* it was CR */
    size_t headers_len;
    char headers[FORM_HEADERS_MAX];
};

enum form_kind {
    FORM_MORE,  /* the input is used up */
    FORM_PART,  /* name, filename, type */
    FORM_BYTES, /* some of its value */
    FORM_END,   /* its value is all there */
};

/* Texts are good until the next call. */
struct form_item {
    enum form_kind kind;
    struct str name;     /* as sent */
    struct str filename; /* {NULL,0}: none */
    struct str type;     /* of the part; {NULL,0}: not said */
    struct str bytes;
};

#define FORM_E_SYNTAX 1

/* The boundary out of a Content-Type. FORM_E_SYNTAX when it is not multipart/form-data with one. */
int form_init(struct form *form, struct str content_type) MUST_USE;
/* Takes the next thing off *input; what follows the last boundary is ignored. FORM_E_SYNTAX. */
int form_next(struct form *form, struct str *input, struct form_item *ret) MUST_USE;
