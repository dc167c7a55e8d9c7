/* See payload.h. S3's answers: observed with S3 (IncompleteBody for any bad framing, InvalidChunkSizeError,
 * MalformedTrailerError), and "Signature Calculations …: Transferring Payload in Multiple Chunks". */
#include "services/payload.h"
#include "base/block.h"
#include "wire/chunked.h"

#define CHUNK_MIN 8192 /* of all but the last */
#define TRAILER_MAX 8192

struct payload {
    struct chunked framing;
    bool is_signed;
    struct sigv4_chunks signatures;
    struct hash *hash;  /* of the chunk under way */
    char signature[65]; /* what it says */
    int64_t expected;   /* x-amz-decoded-content-length */
    int64_t received;
    int64_t last_size; /* of the chunk before; -1: none */
    unsigned chunks;
    struct buf trailer;   /* as it is signed */
    unsigned char *block; /* of the body as it comes; NULL: there was no need */
    struct http_header *trailers;
};

static const struct form {
    const char *name;
    bool is_signed;
    bool has_trailer;
} forms[] = {
    {SIGV4_CHUNKS, true, false},
    {SIGV4_CHUNKS_TRAILER, true, true},
    {SIGV4_UNSIGNED_TRAILER, false, true},
};

static const struct form *form_of(struct str payload_hash)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (str_eqc(payload_hash, forms[i].name))
            return &forms[i];
    return NULL;
}

bool payload_known(struct str payload_hash)
{
    return form_of(payload_hash) != NULL;
}

int payload_begin(struct exchange *x)
{
    struct call *c = &x->call;
    const struct form *form = x->claimed == 0 ? form_of(x->claim.payload_hash) : NULL;
    if (!form)
        return 0;
    struct payload *payload = arena_alloc(c->arena, sizeof(*payload));
    if (!payload)
        return FAULT(ENOMEM);
    if (!str_to_int(http_header(c->http, "x-amz-decoded-content-length"), 0, INT64_MAX, &payload->expected))
        return REFUSE_NO_LENGTH;
    chunked_init(&payload->framing, form->is_signed, form->has_trailer);
    payload->is_signed = form->is_signed;
    payload->last_size = -1;
    payload->trailer = BUF_INIT(TRAILER_MAX);
    payload->trailers = arena_alloc(c->arena, CHUNKED_TRAILERS_MAX * sizeof(*payload->trailers));
    payload->hash = hash_new(HASH_SHA256);
    x->payload = payload;
    c->body_length = payload->expected;
    c->trailers = payload->trailers;
    if (!payload->hash || !payload->trailers)
        return FAULT(ENOMEM);
    return form->is_signed ? sigv4_chunks_init(&payload->signatures, &x->claim, x->signing_key) : 0;
}

void *payload_place(struct exchange *x, size_t *ret_room)
{
    struct payload *payload = x->payload;
    if (!payload->block)
        payload->block = block_new();
    *ret_room = BLOCK_SIZE;
    return payload->block;
}

void payload_free(struct exchange *x)
{
    if (!x->payload)
        return;
    hash_free(&x->payload->hash);
    block_free(&x->payload->block);
    buf_free(&x->payload->trailer);
}

/* The digest of the chunk under way; the next one starts afresh. */
static int take_digest(struct payload *payload, char ret[HASH_HEX_SIZE])
{
    unsigned char digest[HASH_MAX_SIZE];
    hash_final(payload->hash, digest);
    hex_encode(digest, hash_size(HASH_SHA256), ret);
    hash_free(&payload->hash);
    payload->hash = hash_new(HASH_SHA256);
    return payload->hash ? 0 : FAULT(ENOMEM);
}

static int refusal_of(int rc)
{
    return rc == SIGV4_MISMATCH ? REFUSE_SIGNATURE : rc;
}

static int chunk_ended(struct payload *payload)
{
    char digest[HASH_HEX_SIZE];
    if (!payload->is_signed)
        return 0;
    int rc = take_digest(payload, digest);
    return rc != 0 ? rc
                   : refusal_of(sigv4_chunk_verify(&payload->signatures, digest, str_of(payload->signature)));
}

static int refuse_size(struct exchange *x, int64_t size)
{
    call_error_number(&x->call, "Chunk", x->payload->chunks);
    call_error_number(&x->call, "BadChunkSize", size);
    return REFUSE_CHUNK_SIZE;
}

static int refuse_length(struct exchange *x)
{
    call_error_number(&x->call, "NumberBytesExpected", x->payload->expected);
    call_error_number(&x->call, "NumberBytesProvided", x->payload->received);
    return reason_set(&x->call.reason, REFUSE_INCOMPLETE,
                      "You did not provide the number of bytes specified by the Content-Length HTTP header");
}

static int chunk_begins(struct exchange *x, const struct chunked_item *item)
{
    struct payload *payload = x->payload;
    payload->chunks++;
    if (item->size > 0 && payload->last_size >= 0 && payload->last_size < CHUNK_MIN)
        return refuse_size(x, payload->last_size);
    payload->last_size = item->size;
    payload->received += item->size;
    if (payload->received > payload->expected)
        return refuse_length(x);
    if (item->signature.len < sizeof(payload->signature) && item->signature.len > 0)
        memcpy(payload->signature, item->signature.ptr, item->signature.len);
    return item->size == 0 ? chunk_ended(payload) : 0;
}

static bool announced(struct exchange *x, struct str name)
{
    struct str rest = http_header(x->call.http, "x-amz-trailer");
    while (rest.ptr)
        if (str_eq_nocase(str_trim(str_split(&rest, ',')), name))
            return true;
    return false;
}

static int trailer_came(struct exchange *x, const struct chunked_item *item)
{
    struct payload *payload = x->payload;
    struct call *c = &x->call;
    char *name = arena_dup(c->arena, item->name);
    char *value = arena_dup(c->arena, item->value);
    if (!name || !value)
        return FAULT(ENOMEM);
    if (!announced(x, item->name) || call_trailer(c, name).ptr)
        return REFUSE_TRAILER;
    payload->trailers[c->trailer_count++] = (struct http_header){str_of(name), {value, item->value.len}};
    buf_put_str(&payload->trailer, item->name);
    buf_putc(&payload->trailer, ':');
    buf_put_str(&payload->trailer, item->value);
    buf_putc(&payload->trailer, '\n');
    return buf_error(&payload->trailer) == -EMSGSIZE ? REFUSE_TRAILER : buf_error(&payload->trailer);
}

static int trailer_signed(struct payload *payload, struct str signature)
{
    char digest[HASH_HEX_SIZE];
    hash_sha256_hex(payload->trailer.len > 0 ? buf_str(&payload->trailer) : STR(""), digest);
    return refusal_of(sigv4_trailer_verify(&payload->signatures, digest, signature));
}

static int handle(struct exchange *x, const struct chunked_item *item)
{
    switch (item->kind) {
    case CHUNKED_CHUNK:
        return chunk_begins(x, item);
    case CHUNKED_DATA:
        if (x->payload->is_signed)
            hash_update(x->payload->hash, item->bytes.ptr, item->bytes.len);
        return 0;
    case CHUNKED_END:
        return chunk_ended(x->payload);
    case CHUNKED_TRAILER:
        return trailer_came(x, item);
    case CHUNKED_SIGNATURE:
        return trailer_signed(x->payload, item->signature);
    case CHUNKED_MORE:
    case CHUNKED_COMPLETE:
        return 0;
    }
    return 0;
}

static int refuse_framing(int outcome)
{
    return outcome == CHUNKED_E_TRAILER ? REFUSE_TRAILER : REFUSE_INCOMPLETE;
}

int payload_take(struct exchange *x, struct str bytes,
                 int (*deliver)(struct exchange *x, const void *bytes, size_t len), int *ret_outcome)
{
    struct chunked_item item = {.kind = CHUNKED_COMPLETE};
    *ret_outcome = 0;
    while (bytes.len > 0 && *ret_outcome == 0) {
        int rc = chunked_next(&x->payload->framing, &bytes, &item);
        if (rc != 0)
            return refuse_framing(rc);
        rc = handle(x, &item);
        if (rc != 0)
            return rc;
        if (item.kind == CHUNKED_DATA)
            *ret_outcome = deliver(x, item.bytes.ptr, item.bytes.len);
    }
    return 0;
}

/* What x-amz-trailer announces must have come. */
static int check_trailers(struct exchange *x)
{
    struct str rest = http_header(x->call.http, "x-amz-trailer");
    while (rest.ptr) {
        char *name = arena_dup(x->call.arena, str_trim(str_split(&rest, ',')));
        if (!name)
            return FAULT(ENOMEM);
        if (*name && !call_trailer(&x->call, name).ptr)
            return REFUSE_TRAILER;
    }
    return 0;
}

int payload_finish(struct exchange *x)
{
    const struct payload *payload = x->payload;
    if (payload->framing.state != CHUNKED_DONE)
        return REFUSE_INCOMPLETE;
    return payload->received != payload->expected ? refuse_length(x) : check_trailers(x);
}
