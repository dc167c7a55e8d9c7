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
#include "wire/json.h"
#include "wire/uri.h"

struct call;

/* ---- fields
 * ------------------------------------------------------------------------------------------------ */

enum field_type {
    FIELD_STRING,
    FIELD_INTEGER,
    FIELD_BOOLEAN,
    FIELD_DOUBLE,
    FIELD_TIMESTAMP, /* an integer of milliseconds in c->in and c->out; each protocol's own form on the wire
                      */
    FIELD_BLOB,      /* base64 text in c->in and c->out */
    FIELD_LIST,      /* elements by `of` (fields[0] describes the element) */
    FIELD_MAP,       /* string keys; values by `of` (fields[0]) */
    FIELD_STRUCT,    /* members by `of` */
    FIELD_ANY,       /* any JSON, passed as it is */
};

enum field_flag {
    FIELD_REQUIRED = 1,
    FIELD_FLAT = 2,      /* Query and XML: list or map without a wrapping element */
    FIELD_ATTRIBUTE = 4, /* XML: an attribute of the enclosing element */
    FIELD_SECRET = 8,    /* never logged */
};

struct shape;

struct field {
    const char *name; /* in JSON, c->in and c->out */
    enum field_type type;
    unsigned flags;
    int64_t min;                     /* strings, lists, maps, blobs: length; numbers: value */
    int64_t max;                     /* the same; min == max == 0: no bounds */
    const char *const *values;       /* NULL-terminated enumeration, or NULL */
    bool (*check)(const char *text); /* further syntax of a string, or NULL */
    const char *check_says;          /* the pattern as AWS's error shows it */
    const struct shape *of;
    const char *wire_name; /* Query and XML name where it differs: "Attribute" */
    const char *item;      /* XML list element (NULL: "member"); map entry (NULL: "entry") */
    const char *map_key;   /* Query/XML map key element (NULL: "key") */
    const char *map_value; /* NULL: "value" */
};

struct shape {
    const struct field *fields;
    size_t count;
};

#define SHAPE(table)                                                                                         \
    {                                                                                                        \
        (table), ARRAY_LEN(table)                                                                            \
    }

/* Validates `value` (a JSON object) by the shape: types, required, bounds, enumerations, syntax; unknown
 * members are ignored as AWS does. CALL_INVALID with a message in AWS's wording naming the member
 * ("1 validation error detected: Value '…' at 'name' failed to satisfy constraint: …"). */
int shape_validate(const struct shape *shape, const json_t *value, struct reason *why) MUST_USE;

/* ---- operations
 * -------------------------------------------------------------------------------------------- */

enum operation_flag {
    OP_READ = 1,       /* c->tx is a read transaction */
    OP_WRITE = 2,      /* c->tx is a write transaction; the reply is sent after its commit */
    OP_INLINE = 4,     /* runs on the I/O thread: reads only, never waits */
    OP_STREAM = 8,     /* the body goes to `body` as it arrives; `begin` is called first (S3) */
    OP_ANONYMOUS = 16, /* answers unsigned requests too; c->caller is NULL then */
    OP_EXTENSION = 32, /* Slipway's own, not in AWS's API: said so in the generated docs */
};

struct operation {
    const char *name;       /* "CreateQueue" */
    const char *iam_action; /* "sqs:CreateQueue" */
    unsigned flags;
    const struct shape *in;  /* NULL: no members */
    const struct shape *out; /* NULL: no members */
    int (*run)(struct call *c);
    int64_t body_max; /* bytes of a body that is no stream; 0: 1 MiB */
    /* rest-xml (S3) only */
    const char *http_method;
    /* Words that the request must all have: names of query parameters, or of headers when they start with x-
     * ("partNumber uploadId", "x-amz-copy-source"). Rows are tried in order. NULL: none of S3's
     * sub-resources. */
    const char *sub_resource;
    int level;                    /* 0 service, 1 bucket, 2 object */
    unsigned http_status;         /* of success; 0: 200 */
    const char *xml_root;         /* of the output: "ListBucketResult"; NULL: the handler replies itself */
    int (*begin)(struct call *c); /* OP_STREAM */
    int (*body)(struct call *c, const void *bytes, size_t len); /* OP_STREAM */
    void (*end)(struct call *c); /* frees c->state; called once also when the client went away */
};

/* What run may return besides 0, a fault (<0) and its service's own outcomes (1 …899). */
enum call_outcome {
    CALL_WAIT = 900, /* run again later: set by call_wait */
    CALL_REPLIED,    /* the handler replied by itself through c->http (S3 bodies) */
    CALL_INVALID, /* ValidationException / ValidationError / InvalidParameterValue, as the service calls it */
    CALL_DENIED,  /* AccessDenied */
    CALL_UNSUPPORTED, /* known to AWS, not to Slipway */
};

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
};

struct platform {
    struct db *db;
    const char *data_dir;
    const char *region;         /* "us-east-1" */
    const char *shared_account; /* id of shared-services */
    const char *endpoint; /* "http://127.0.0.1:PORT": for URLs in answers; set before requests are served */
    const struct service *const *services; /* NULL-terminated */
};

struct service {
    const char *name;          /* "sqs": folder, credential scope, schema name */
    unsigned protocols;        /* protocol_kind bits */
    const char *target_prefix; /* X-Amz-Target before the dot: "AmazonSQS" */
    const char *api_version;   /* Query's Version */
    const char *xmlns;
    const struct operation *operations;
    size_t operation_count;
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
};

#define DELIVER_NO_TARGET 1

/* All services, NULL-terminated (services.c). */
extern const struct service *const services_all[];

/* Hands an event to the service that its ARN names, within `tx`: s3 → sqs without knowing it. */
int service_deliver(struct tx *tx, const struct platform *platform, const char *target_arn,
                    struct str body) MUST_USE;

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
 * the first run or the server stops. */
int call_wait(struct call *c, wake_ticket ticket, int64_t max_ms, const char *topic);
