/* A small AWS client for workers, CLI and console: signs, encodes, decodes, retries what is safe to retry.
 * Works alike against Slipway and AWS. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "http/client.h"
#include "wire/sigv4.h"
#include <jansson.h>

struct aws_client; /* endpoint + credentials; thread-safe */

struct aws_config {
    const char *endpoint_url; /* "http://127.0.0.1:8080"; NULL: AWS's own per service and region */
    const char *region;
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* NULL: none */
};

enum aws_outcome {
    AWS_E_SERVICE = 1,     /* the service answered with an error: see struct aws_error */
    AWS_E_UNREACHABLE = 2, /* no answer after the retries */
    AWS_E_CANCELLED = 3,
};

struct aws_error {
    unsigned status; /* HTTP status; 0: no answer */
    char code[128];  /* "ValidationError"; without namespace or suffix */
    char message[2048];
    char request_id[64];
};

int aws_client_new(const struct aws_config *config, struct aws_client **ret) MUST_USE;
void aws_client_free(struct aws_client **client);
/* Reads endpoint, region and keys as the AWS CLI does: AWS_ENDPOINT_URL, AWS_REGION / AWS_DEFAULT_REGION,
 * AWS_ACCESS_KEY_ID …, else AWS_PROFILE (or `profile`) in AWS_SHARED_CREDENTIALS_FILE. *ret_client or a
 * reason. */
#define AWS_E_NO_CREDENTIALS 4
#define AWS_E_NO_ENDPOINT 5 /* its URL is none */
int aws_client_from_env(const char *profile, struct aws_client **ret, struct reason *why) MUST_USE;
/* The same endpoint with sts:AssumeRole's credentials; renewed before they expire. */
/* The new client lives on its own; cancelling `client` cancels it too. */
int aws_client_assume(struct aws_client *client, const char *role_arn, const char *session_name,
                      struct aws_client **ret, struct aws_error *error) MUST_USE;
/* Its current credentials, for a build's environment; strings are the client's. */
struct sigv4_credentials aws_client_credentials(struct aws_client *client);
const char *aws_client_region(const struct aws_client *client);
const char *aws_client_endpoint(const struct aws_client *client); /* NULL: AWS */
/* Requests under way and later ones give up soon (AWS_E_CANCELLED). */
void aws_client_cancel(struct aws_client *client);

/* One JSON or Query operation: "sqs", "codepipeline", "codebuild", "logs", "ssm" (JSON), "cloudformation",
 * "sts", "iam" (Query; lists become X.member.N). Takes `in` (NULL: no members), also on failure. *ret_out may
 * be NULL. Query's answers are XML: there numbers and booleans are strings, and an empty list is "". */
int aws_call(struct aws_client *client, const char *service, const char *operation, json_t *in,
             json_t **ret_out, struct aws_error *error) MUST_USE;
/* The same in two steps, so that other requests can be sent before the answer is waited for. */
struct aws_asked;
int aws_ask(struct aws_client *client, const char *service, const char *operation, json_t *in,
            struct aws_asked **ret) MUST_USE;
/* Waits for the answer and reads it, so that this is done while others are on their way. */
void aws_hear(struct aws_asked *asked);
/* Ends with *asked NULL. */
int aws_answer(struct aws_asked **asked, json_t **ret_out, struct aws_error *error) MUST_USE;
void aws_asked_free(struct aws_asked **asked); /* CLEANUP-able; waits for the answer, and drops it */
/* The same with X-Slipway-Wait: an endpoint that is Slipway answers when there is news, or after wait_ms; AWS
 * answers at once. *ret_waited (may be NULL) tells whether the endpoint honoured it: when it did not, the
 * caller paces itself. */
int aws_call_wait(struct aws_client *client, const char *service, const char *operation, json_t *in,
                  int64_t wait_ms, json_t **ret_out, bool *ret_waited, struct aws_error *error) MUST_USE;

/* The same with a header more, whose name is a literal. */
int aws_call_header(struct aws_client *client, const char *service, const char *operation, json_t *in,
                    const struct http_header *header, json_t **ret_out, struct aws_error *error) MUST_USE;

struct aws_s3_request {
    const char *method; /* "GET", "PUT", "HEAD", "DELETE", "POST" */
    const char *bucket;
    const char *key;                   /* NULL: the bucket itself; not encoded */
    const char *query;                 /* encoded, e.g. "versionId=abc" or "versioning"; NULL: none */
    const struct http_header *headers; /* extra ones */
    size_t header_count;
    struct str body;
    int body_fd; /* -1: `body` */
    int64_t body_len;
    int sink_fd; /* -1: into exchange->answer */
    int64_t sink_max;
};
/* 0 with a 2xx answer in *exchange (the caller's, zeroed and with its buffers initialised). */
int aws_s3(struct aws_client *client, const struct aws_s3_request *request, struct http_exchange *exchange,
           struct aws_error *error) MUST_USE;
/* Sends it, so that others can be sent before aws_s3 is called with the same request and exchange, which then
 * waits for the answer. An exchange that aws_s3 is not called with is ended by http_drop. */
void aws_s3_ahead(struct aws_client *client, const struct aws_s3_request *request,
                  struct http_exchange *exchange);
