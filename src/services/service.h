/* What a service is made of: tables of operations, fields, errors and migrations, and the call that a handler
 * gets.
 *
 * The dispatcher (dispatch.c) finds service and operation, authenticates, decodes and validates the input by
 * its field table, opens the transaction that the row asks for, runs the handler, commits, and encodes the
 * output or the error in the protocol of the request. A handler is therefore: read c->in, call the domain
 * with c->tx, fill c->out. */
#pragma once

#include "db/db.h"
#include "services/call.h"

struct service_error {
    int outcome; /* what domain functions return; also CALL_INVALID, CALL_DENIED to override the defaults */
    const char *code; /* JSON: "QueueDoesNotExist"; XML: "NoSuchKey" */
    unsigned status;
    const char *query_code; /* Query, and JSON's x-amzn-query-error, where it differs; NULL: code */
    const char *message;    /* when c->reason says nothing */
};

/* The row of an outcome; NULL: it has none. */
const struct service_error *service_error_of(const struct service *service, int outcome);

struct keyring;

struct platform {
    struct db *db;
    const char *data_dir;
    const char *region;         /* "us-east-1" */
    const char *shared_account; /* id of shared-services */
    const char *endpoint; /* "http://127.0.0.1:PORT": for URLs in answers; set before requests are served */
    const struct service *const *services; /* NULL-terminated */
    int64_t retain_ms;                     /* how long executions that have ended are kept; 0: for ever */
    int64_t scrub_bytes_per_s;             /* how fast objects are read again to find damage; 0: never */
    const struct keyring *keyring;         /* what objects are encrypted under; NULL: they are not */
};

/* A service that sends to a target on behalf of what is an account's: a bucket, a topic. */
struct sender {
    const char *service; /* "s3.amazonaws.com" */
    const char *arn;     /* of the bucket, of the topic */
    const char *account; /* whose it is */
    bool is_new;         /* it has not sent there before: a queue without a policy takes nothing of it */
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
    /* Of a request that has been routed, before it is known who sends it: which headers its answer is to
     * carry, whatever it will be. 0; CALL_ELSEWHERE; fault. NULL: none. */
    int (*admit)(struct call *c);
    const struct db_migration *migrations;
    size_t migration_count;
    /* Background work; both may be NULL. `ret_state` is handed to stop. SERVICE_REFUSED from start. */
    int (*start)(const struct platform *platform, void **ret_state);
    void (*stop)(void *state);
    /* Takes an event for a target of this service ("arn:aws:sqs:…") in the sender's transaction; NULL: no
     * targets. 0; DELIVER_*; fault. */
    int (*deliver)(struct tx *tx, const struct platform *platform, const struct sender *sender,
                   const char *target_arn, struct str body);
    /* Hears of each object that is made, in its transaction: 0 or a fault, with which the object is not made.
     * NULL: does not care. */
    int (*object_created)(struct tx *tx, const struct platform *platform,
                          const struct object_created *object);
};

#define DELIVER_NO_TARGET 1
#define DELIVER_REFUSED 2 /* the target takes nothing of this sender */
#define SERVICE_REFUSED 1 /* said why on standard error */

/* All services, NULL-terminated (services.c). */
extern const struct service *const services_all[];

/* Hands an event to the service that its ARN names, within `tx`: s3 → sqs without knowing it. */
int service_deliver(struct tx *tx, const struct platform *platform, const struct sender *sender,
                    const char *target_arn, struct str body) MUST_USE;

/* Tells every service that hears of objects: s3 → codepipeline without knowing it. */
int service_object_created(struct tx *tx, const struct platform *platform,
                           const struct object_created *object) MUST_USE;
