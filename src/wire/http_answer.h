/* An HTTP/1.1 answer, read as it comes (RFC 9112). */
#pragma once

#include "base/buf.h"

enum http_answer_stage {
    HTTP_ANSWER_STATUS,
    HTTP_ANSWER_HEADERS,
    HTTP_ANSWER_BYTES, /* `left` of the body */
    HTTP_ANSWER_ALL,   /* the body ends with the connection */
    HTTP_ANSWER_CHUNK, /* its size */
    HTTP_ANSWER_CHUNK_BYTES,
    HTTP_ANSWER_CHUNK_END,
    HTTP_ANSWER_TRAILER,
    HTTP_ANSWER_DONE,
};

struct http_answer {
    bool to_head; /* the request was HEAD: there is no body */
    enum http_answer_stage stage;
    unsigned status;
    bool stays; /* the connection is good for another request */
    bool chunked;
    int64_t left; /* of the body or chunk; in the headers: the body's length, -1: not told */
};

enum http_answer_outcome { HTTP_ANSWER_E_SYNTAX = 1 };

/* Begins as {.to_head = …}. Takes off *input what it can, and leaves there the beginning of a line. Of an
 * answer before the last one (1xx) nothing is kept; trailers are dropped. HTTP_ANSWER_E_SYNTAX; a fault is
 * that of a buffer. */
int http_answer_read(struct http_answer *answer, struct str *input, struct buf *headers,
                     struct buf *body) MUST_USE;
