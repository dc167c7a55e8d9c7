/* The call that a handler gets (service.h): what was asked, by whom, and what is to be answered. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/reason.h"
#include "base/wake.h"
#include "http/server.h"
#include "services/iam/principal.h"
#include "services/operation.h"
#include "wire/json.h"
#include "wire/uri.h"

struct platform;
struct service;
struct tx;

enum protocol_kind {
    PROTOCOL_JSON_10 = 1, /* bit set: a service may speak several */
    PROTOCOL_JSON_11 = 2,
    PROTOCOL_QUERY = 4,
    PROTOCOL_REST_XML = 8,
    PROTOCOL_HOOK = 16, /* unsigned POSTs to service->hook_path */
};

#define CALL_ERROR_HEADERS 4
#define CALL_ERROR_ELEMENTS 4
#define CALL_REPLY_HEADERS 4
#define CALL_ANY_HEADERS 8

struct call {
    const struct platform *platform;
    const struct service *service;
    const struct operation *operation;
    enum protocol_kind protocol;
    const struct principal *caller; /* NULL only for OP_ANONYMOUS */
    struct http_request *http;      /* headers, raw target, arena */
    struct arena *arena;
    struct tx *tx;        /* as the flags say; NULL without OP_READ and OP_WRITE */
    json_t *in;           /* validated; an object, never NULL. The dispatcher's */
    json_t *out;          /* an empty object to fill. The dispatcher's */
    struct buf members;   /* more of the answer than out has: members that are JSON already, as json_begin and
                             its kin write them. Of JSON's protocols alone, and in their forms (a time is a
                             number of seconds): shape_to_json does not see them. The dispatcher's */
    unsigned status;      /* PROTOCOL_HOOK: of success; 0: 200 */
    struct reason reason; /* words beside an outcome */
    void *state;          /* the handler's, kept over waits; freed by operation->end */

    /* S3: decoded from path or host */
    const char *bucket; /* NULL at service level */
    const char *key;    /* NULL at bucket level; decoded; key_len bytes */
    size_t key_len;
    bool bucket_in_host; /* not in the path */
    bool by_version_2;   /* S3: the caller has signed by Signature Version 2 */
    int64_t signed_ms;   /* S3: when the caller has signed; 0: by Signature Version 2, which does not say */
    struct uri_query query; /* decoded */
    /* OP_STREAM: the body's SHA-256 in hex, once run is called; already compared with what was signed. */
    char body_sha256[65];
    struct hash *body_hash; /* OP_STREAM: of what `body` gets, SHA-256 */
    bool hashes_body;       /* set by begin: `body` and `whole` see to that themselves */
    int64_t body_length;    /* OP_STREAM: bytes that `body` will get in all; -1: the client did not say */
    const struct http_header *trailers; /* that came behind a body in chunks: call_trailer's */
    size_t trailer_count;

    /* S3: headers that the answer carries even when it is an error: call_error_header's */
    struct http_header error_headers[CALL_ERROR_HEADERS];
    size_t error_header_count;
    struct http_header reply_headers[CALL_REPLY_HEADERS]; /* of a success that the protocol encodes */
    size_t reply_header_count;
    struct http_header any_headers[CALL_ANY_HEADERS]; /* of whatever the answer is: call_any_header's */
    size_t any_header_count;
    struct http_header error_elements[CALL_ERROR_ELEMENTS]; /* of the error's XML: call_error_element's */
    size_t error_element_count;

    wake_ticket ticket; /* of this run: from before it looked at anything, c->tx too */
    /* call_wait's */
    int64_t wait_deadline_mono_ms; /* 0: not waiting yet */
    char wait_topic[WAKE_TOPIC_MAX];
};

/* Sets the words and returns the outcome: `return call_fail(c, QUEUE_NONE, "Queue %s does not exist.",
 * name);` */
int call_fail(struct call *c, int outcome, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Starts a reply of the handler's own (CALL_REPLIED): the status and the headers that every reply carries. */
void call_reply(struct call *c, unsigned status);
/* Adds a header to the error that the handler is about to return ("x-amz-delete-marker"). `name` is kept. */
void call_error_header(struct call *c, const char *name, const char *value);
/* Adds a header to the answer of a handler that fills c->out (S3). `name` is kept. */
void call_reply_header(struct call *c, const char *name, const char *value);
/* Adds a header to the answer, whatever it will be; before it begins. `name` is kept. */
void call_any_header(struct call *c, const char *name, const char *value);
/* Adds an element to the XML of the error that is about to be answered; both texts live as long as the call.
 */
void call_error_element(struct call *c, const char *name, const char *value);
/* The same of a text that is copied, and of a number; left out when there is no memory for it. */
void call_error_text(struct call *c, const char *name, struct str value);
void call_error_number(struct call *c, const char *name, int64_t value);
/* A header of that name (lower case) behind the body, once run is called; {NULL,0}. */
struct str call_trailer(const struct call *c, const char *name);
/* A signature that came in a form's fields; all but the token are given. */
struct form_signature {
    struct str version_2_key; /* an access key: it signed by version 2, and the next three are not there */
    struct str algorithm;
    struct str credential;
    struct str date;
    struct str signature;
    struct str session_token; /* {NULL,0}: none */
    struct str text;          /* what it signs */
};
/* Who signed it becomes the caller of an OP_ANONYMOUS operation. CALL_REFUSED, to be returned. */
int call_authenticate(struct call *c, const struct form_signature *form) MUST_USE;
/* db_look, or db_look_soon where the thread must not wait. CALL_ELSEWHERE: to be returned; nothing may have
 * been done that a second run would not do again. */
int call_look(struct call *c, uint64_t subject, struct tx **ret) MUST_USE;
/* db_read, for what begins before the body. CALL_ELSEWHERE, to be returned as above, where the thread must
 * not wait. */
int call_read(struct call *c, struct tx **ret) MUST_USE;
/* Ends a look whose outcome is `rc`, which is durable then, whatever it is but a fault. NULL: there was none.
 */
int call_looked(struct tx **tx, int rc) MUST_USE;
/* Commits as the handler's last deed but its answer, which waits for the disk instead of this thread: what
 * the handler still does must be right also if the commit fails, of which the client is told instead of that
 * answer. A fault: it has failed already. */
int call_commit(struct call *c, struct tx **tx) MUST_USE;
/* How long this caller is ready to wait: X-Slipway-Wait (milliseconds, at most 60,000), 0 when it did not
 * say. The reply to a request that said it carries `X-Slipway-Wait: ok`. */
int64_t call_wait_ms(const struct call *c);
/* `return call_wait(c, max_ms, topic)`: runs the handler again when the topic is signalled after this run
 * began to look. 0, meaning "answer now with what there is", when max_ms have passed since
 * the first run or the server stops. What a run wrote before it waits is undone. */
int call_wait(struct call *c, int64_t max_ms, const char *topic);
