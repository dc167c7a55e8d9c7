/* The framing of `Content-Encoding: aws-chunked`: a body in chunks, each with or without a signature, and
 * headers that trail it. Reading only: nothing is verified and no byte is copied. Source: "Signature
 * Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" and "… including
 * trailing headers" of the Amazon S3 API Reference. */
#pragma once

#include "base/base.h"

#define CHUNKED_LINE_MAX 4096 /* a chunk's head or a trailing header */
#define CHUNKED_TRAILERS_MAX 32
#define CHUNKED_SIZE_MAX (INT64_C(5) << 30)

enum chunked_state {
    CHUNKED_HEAD,
    CHUNKED_BYTES,
    CHUNKED_AFTER, /* the line end behind a chunk's bytes */
    CHUNKED_TAIL,  /* what follows the chunk of no bytes */
    CHUNKED_DONE,
};

struct chunked {
    enum chunked_state state;
    bool has_signatures; /* each chunk's head, and the trailer, carry one */
    bool has_trailer;
    int64_t left; /* of the chunk's bytes */
    unsigned trailers;
    bool trailer_signed;
    size_t line_len;
    char line[CHUNKED_LINE_MAX];
};

enum chunked_kind {
    CHUNKED_MORE,      /* the input is used up */
    CHUNKED_CHUNK,     /* a chunk begins: size, signature; the last one has size 0 */
    CHUNKED_DATA,      /* some of its bytes */
    CHUNKED_END,       /* the chunk's bytes are all there */
    CHUNKED_TRAILER,   /* name, value */
    CHUNKED_SIGNATURE, /* the trailer's */
    CHUNKED_COMPLETE,
};

/* Texts are good until the next call. */
struct chunked_item {
    enum chunked_kind kind;
    int64_t size;
    struct str bytes;
    struct str signature; /* 64 hex digits */
    struct str name;      /* lower case */
    struct str value;
};

enum chunked_outcome {
    CHUNKED_E_SYNTAX = 1, /* no chunks */
    CHUNKED_E_TRAILER,    /* no headers behind them */
};

void chunked_init(struct chunked *chunked, bool has_signatures, bool has_trailer);
/* Takes the next thing off *input. CHUNKED_E_SYNTAX, CHUNKED_E_TRAILER. */
int chunked_next(struct chunked *chunked, struct str *input, struct chunked_item *ret) MUST_USE;
