/* Operations and the fields of their input and output, in every protocol: the rows that a service's tables
 * are made of. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "wire/json.h"

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
    FIELD_FLAT = 2, /* Query and XML: list or map without a wrapping element; JSON: none if it is empty */
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
    const char *wire_name;    /* Query and XML name where it differs: "Attribute" */
    const char *item;         /* XML list element (NULL: "member"); map entry (NULL: "entry") */
    const char *map_key;      /* Query/XML map key element (NULL: "key") */
    const char *map_value;    /* NULL: "value" */
    const struct field *keys; /* length and syntax of a map's keys, or NULL */
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
    OP_WRITE = 2,      /* c->tx is a write transaction; the reply waits for its commit. As OP_FEW */
    OP_INLINE = 4,     /* runs on the I/O thread: reads only, never waits (CALL_ELSEWHERE) */
    OP_STREAM = 8,     /* the body goes to `body` as it arrives; `begin` is called first (S3) */
    OP_ANONYMOUS = 16, /* answers unsigned requests too; c->caller is NULL then */
    OP_EXTENSION = 32, /* Slipway's own, not in AWS's API: said so in the generated docs */
    OP_CHECKSUM = 64,  /* the body's checksum must be said (S3) */
    OP_FEW = 128,      /* waits for the database's turn and for nothing else: runs on one of few threads */
    OP_BODILESS = 256, /* rest-xml: an empty body says nothing, instead of being refused */
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
    int level;            /* 0 service, 1 bucket, 2 object */
    unsigned http_status; /* of success; 0: 200 */
    const char *xml_root; /* of the output: "ListBucketResult"; NULL: the handler replies itself */
    const char *xml_in;   /* the input's root; elements that the table does not allow are refused then */
    int (*begin)(struct call *c); /* before the body: OP_STREAM, and to refuse one unread; CALL_ELSEWHERE */
    int (*body)(struct call *c, const void *bytes, size_t len); /* OP_STREAM */
    void (*whole)(struct call *c); /* all has come: before its digest is looked at; NULL: nothing to do */
    void *(*place)(struct call *c, size_t *ret_room); /* http_handler's, of such a body; NULL: never */
    void (*end)(struct call *c); /* frees c->state; called once also when the client went away */
};

/* What run may return besides 0, a fault (<0) and its service's own outcomes (1 …899). */
enum call_outcome {
    CALL_WAIT = 900, /* run again later: set by call_wait */
    CALL_ELSEWHERE,  /* begin and OP_INLINE: again on a worker thread, since it has to wait: call_look's */
    CALL_REPLIED,    /* the handler replied by itself through c->http (S3 bodies) */
    CALL_INVALID, /* ValidationException / ValidationError / InvalidParameterValue, as the service calls it */
    CALL_DENIED,  /* AccessDenied */
    CALL_UNSUPPORTED, /* known to AWS, not to Slipway */
    CALL_REFUSED,     /* call_authenticate said so */
};
