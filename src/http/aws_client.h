/* What the parts of the AWS client share (http/aws*.c only). */
#pragma once

#include "base/arena.h"
#include "http/aws.h"
#include <pthread.h>

/* Credentials as they were at one time. A generation lives as long as its client, so that borrowed strings
 * stay good after a renewal. */
struct aws_keys {
    struct sigv4_credentials credentials;
    int64_t expires_ms; /* INT64_MAX: never */
    int64_t created_ms;
    struct aws_keys *older;
};

struct aws_client {
    struct http_client *http; /* the root's */
    char *endpoint;           /* NULL: AWS; without a slash at its end */
    char *region;

    pthread_mutex_t lock;
    pthread_cond_t cancel_changed; /* CLOCK_MONOTONIC */
    bool cancelled;                /* atomic */
    size_t refs;                   /* its owner's and its children's; the lock's */
    struct aws_client *children;   /* clients that assumed a role through this one; the lock's */
    struct aws_client *sibling;    /* the parent's lock's */

    struct aws_client *parent; /* NULL: a root, whose keys do not change */
    char *role_arn;
    char *session_name;
    pthread_mutex_t renewing; /* held while AssumeRole is under way */
    struct aws_keys *keys;    /* newest first; the lock's */
};

enum aws_protocol { AWS_JSON, AWS_QUERY };

struct aws_service {
    const char *name; /* also the credential scope's and the endpoint's */
    enum aws_protocol protocol;
    const char *json_type;     /* content type */
    const char *target_prefix; /* X-Amz-Target before the dot */
    const char *version;       /* Query's Version */
    bool global;               /* one endpoint for all regions, signed for us-east-1 */
};

const struct aws_service *aws_service_find(const char *name);
/* Whether a second go of the operation, after one whose fate is not known, does no harm. */
bool aws_operation_repeatable(const char *operation, const json_t *in);

/* A request before it is signed. */
struct aws_request {
    const char *service; /* the credential scope's */
    const char *region;
    const char *method;
    struct str base; /* "http://127.0.0.1:8080" */
    struct str path; /* encoded */
    struct str query;
    const struct http_header *headers; /* without Host and x-amz-date, -content-sha256, -security-token */
    size_t header_count;
    bool repeatable;
};

/* Signs, sends, and repeats what may be repeated. The body, sink and timeout are in *exchange already. 0 with
 * a 2xx answer, else an outcome with *error filled. */
int aws_send(struct aws_client *client, const struct aws_request *request, struct http_exchange *exchange,
             struct aws_error *error) MUST_USE;

/* Signs and sends, so that others can be sent before aws_send is called with the same request, which then
 * waits for the answer. What cannot be sent now is sent then. */
void aws_send_ahead(struct aws_client *client, const struct aws_request *request,
                    struct http_exchange *exchange);

/* Reads the error answer of any of the three protocols. */
void aws_error_read(const struct http_exchange *exchange, struct aws_error *ret);
/* Outcome and words for a request that got no answer. */
int aws_error_no_answer(int fault, const char *url, struct aws_error *ret);
bool aws_error_is_throttling(const struct aws_error *error);
void aws_error_set(struct aws_error *ret, const char *code, const char *message);

/* Query's pairs, form-encoded, appended. */
int aws_query_encode(const char *operation, const char *version, const json_t *in, struct buf *out) MUST_USE;

/* The keys to sign with, renewed when they are about to expire. */
int aws_client_keys(struct aws_client *client, struct sigv4_credentials *ret,
                    struct aws_error *error) MUST_USE;
/* Waits unless cancelled: true when it was cancelled. */
bool aws_client_pause(struct aws_client *client, int64_t ms);
