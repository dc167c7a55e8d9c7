/* What a service is made of: tables of operations, fields, errors and migrations, and the call that a handler
 * gets.
 *
 * The dispatcher (dispatch.c) finds service and operation, authenticates, decodes and validates the input by
 * its field table, opens the transaction that the row asks for, runs the handler, commits, and encodes the
 * output or the error in the protocol of the request. A handler is therefore: read c->in, call the domain
 * with c->tx, fill c->out. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "base/wake.h"
#include "db/db.h"
#include "http/server.h"
#include "services/iam/principal.h"
#include "services/operation.h"
#include "wire/json.h"
#include "wire/uri.h"

struct service_error {
    int outcome; /* what domain functions return; also CALL_INVALID, CALL_DENIED to override the defaults */
    const char *code; /* JSON: "QueueDoesNotExist"; XML: "NoSuchKey" */
    unsigned status;
    const char *query_code; /* Query, and JSON's x-amzn-query-error, where it differs; NULL: code */
    const char *message;    /* when c->reason says nothing */
};

enum protocol_kind {
    PROTOCOL_JSON_10 = 1, /* bit set: a service may speak several */
    PROTOCOL_JSON_11 = 2,
    PROTOCOL_QUERY = 4,
    PROTOCOL_REST_XML = 8,
    PROTOCOL_HOOK = 16, /* unsigned POSTs to service->hook_path */
};

struct platform {
    struct db *db;
    const char *data_dir;
    const char *region;         /* "us-east-1" */
    const char *shared_account; /* id of shared-services */
    const char *endpoint; /* "http://127.0.0.1:PORT": for URLs in answers; set before requests are served */
    const struct service *const *services; /* NULL-terminated */
    int64_t retain_ms;                     /* how long executions that have ended are kept; 0: for ever */
};

struct object_created {
    const char *bucket;
    const char *key;
    const char *version_id; /* NULL: the bucket is not versioned */
    const char *who;        /* ARN; NULL: a service */
};

struct service {
    const char *name;          /* "sqs": folder, credential scope, schema name */
    unsigned protocols;        /* protocol_kind bits */
    const char *target_prefix; /* X-Amz-Target before the dot: "AmazonSQS" */
    const char *api_version;   /* Query's Version */
    const char *xmlns;
    const struct operation *operations;
    size_t operation_count;
    /* Takes unsigned POSTs to this path, "/webhooks/trigger"; both NULL: none. The operation authenticates.
     */
    const char *hook_path;
    const struct operation *hook;
    const char *const
        *unsupported; /* NULL-terminated names of AWS's operations that Slipway does not have; may be NULL */
    const struct service_error *errors;
    size_t error_count;
    const char *invalid_code; /* what CALL_INVALID is called: "ValidationException" */
    const struct db_migration *migrations;
    size_t migration_count;
    /* Background work; both may be NULL. `ret_state` is handed to stop. */
    int (*start)(const struct platform *platform, void **ret_state);
    void (*stop)(void *state);
    /* Takes an event for a target of this service ("arn:aws:sqs:…") in the sender's transaction; NULL: no
     * targets. 0; DELIVER_NO_TARGET; fault. */
    int (*deliver)(struct tx *tx, const struct platform *platform, const char *target_arn, struct str body);
    /* Hears of each object that is made, in its transaction: 0 or a fault, with which the object is not made.
     * NULL: does not care. */
    int (*object_created)(struct tx *tx, const struct platform *platform,
                          const struct object_created *object);
};

#define DELIVER_NO_TARGET 1

/* All services, NULL-terminated (services.c). */
extern const struct service *const services_all[];

/* Hands an event to the service that its ARN names, within `tx`: s3 → sqs without knowing it. */
int service_deliver(struct tx *tx, const struct platform *platform, const char *target_arn,
                    struct str body) MUST_USE;

/* Tells every service that hears of objects: s3 → codepipeline without knowing it. */
int service_object_created(struct tx *tx, const struct platform *platform,
                           const struct object_created *object) MUST_USE;

/* ---- the call
 * ---------------------------------------------------------------------------------------------- */

#define CALL_ERROR_HEADERS 4

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
    unsigned status;      /* PROTOCOL_HOOK: of success; 0: 200 */
    struct reason reason; /* words beside an outcome */
    void *state;          /* the handler's, kept over waits; freed by operation->end */

    /* S3: decoded from path or host */
    const char *bucket; /* NULL at service level */
    const char *key;    /* NULL at bucket level; decoded; key_len bytes */
    size_t key_len;
    struct uri_query query; /* decoded */
    /* OP_STREAM: the body's SHA-256 in hex, once run is called; already compared with what was signed. */
    char body_sha256[65];

    /* S3: headers that the answer carries even when it is an error: call_error_header's */
    struct http_header error_headers[CALL_ERROR_HEADERS];
    size_t error_header_count;

    /* call_wait's */
    int64_t wait_deadline_mono_ms; /* 0: not waiting yet */
    wake_ticket wait_ticket;
    char wait_topic[WAKE_TOPIC_MAX];
};

/* Sets the words and returns the outcome: `return call_fail(c, QUEUE_NONE, "Queue %s does not exist.",
 * name);` */
int call_fail(struct call *c, int outcome, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Starts a reply of the handler's own (CALL_REPLIED): the status and the headers that every reply carries. */
void call_reply(struct call *c, unsigned status);
/* Adds a header to the error that the handler is about to return ("x-amz-delete-marker"). `name` is kept. */
void call_error_header(struct call *c, const char *name, const char *value);
/* How long this caller is ready to wait: X-Slipway-Wait (milliseconds, at most 60,000), 0 when it did not
 * say. The reply to a request that said it carries `X-Slipway-Wait: ok`. */
int64_t call_wait_ms(const struct call *c);
/* `return call_wait(c, ticket, max_ms, topic)`: runs the handler again when the topic is signalled after
 * `ticket` (taken before looking). 0, meaning "answer now with what there is", when max_ms have passed since
 * the first run or the server stops. What a run wrote before it waits is undone. */
int call_wait(struct call *c, wake_ticket ticket, int64_t max_ms, const char *topic);
