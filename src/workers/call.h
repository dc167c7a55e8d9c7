/* Calls as workers make them: every failure is one of a few outcomes, with words for a person. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "http/aws.h"
#include <jansson.h>

enum work_outcome {
    WORK_E_RETRY = 1,   /* not now: the services are unreachable, busy or at fault */
    WORK_E_FAILED = 2,  /* refused, and would be again */
    WORK_E_STOPPED = 3, /* this worker stops, or the job was cancelled */
    WORK_E_ABSENT = 4,  /* what was asked for does not exist */
};

/* As aws_call; `error` may be NULL. WORK_E_RETRY, _FAILED, _STOPPED with words in *why (may be NULL). */
int work_call(struct aws_client *client, const char *service, const char *operation, json_t *in,
              json_t **ret_out, struct aws_error *error, struct reason *why) MUST_USE;
/* The answer to what aws_ask sent; `what` begins the words. `error` must be given. */
int work_answer(struct aws_asked **asked, const char *what, json_t **ret_out, struct aws_error *error,
                struct reason *why) MUST_USE;
/* work_call with a header more. `error` must be given. */
int work_call_header(struct aws_client *client, const char *service, const char *operation, json_t *in,
                     const struct http_header *header, json_t **ret_out, struct aws_error *error,
                     struct reason *why) MUST_USE;
/* The same, waiting up to wait_ms for news; paces itself where the endpoint answers at once. */
int work_call_wait(struct aws_client *client, const char *service, const char *operation, json_t *in,
                   int64_t wait_ms, json_t **ret_out, struct aws_error *error, struct reason *why) MUST_USE;
/* Turns an outcome of http/aws.h into one of the above; `what` begins the words. */
int work_outcome(int outcome, const struct aws_error *error, const char *what, struct reason *why) MUST_USE;

/* An empty or missing list comes back from the Query protocol as text or nothing: always a list here, or
 * NULL.
 */
const json_t *work_list(const json_t *object, const char *key);

struct s3_head {
    char version_id[128]; /* empty: the bucket is not versioned */
    char etag[128];
    int64_t size;
    char sha256_hex[65];         /* empty: the store does not know it */
    char revision_summary[2049]; /* its metadata codepipeline-artifact-revision-summary; empty: none */
};

/* HEAD of the current object, or of a version (NULL: current). WORK_E_ABSENT. */
int work_s3_head(struct aws_client *client, const char *bucket, const char *key, const char *version_id,
                 struct s3_head *ret, struct reason *why) MUST_USE;
/* GET into a buffer; `etag` (NULL: none) makes it WORK_E_UNCHANGED when the object still has it. */
#define WORK_E_UNCHANGED 5
int work_s3_get(struct aws_client *client, const char *bucket, const char *key, const char *etag,
                struct buf *ret, struct s3_head *ret_head, struct reason *why) MUST_USE;
/* Reads in two steps, so that other requests can be sent before an answer is waited for. The texts stay the
 * caller's and must live as long as the read. */
struct work_read;
int work_s3_head_ahead(struct aws_client *client, const char *bucket, const char *key,
                       struct work_read **ret) MUST_USE;
int work_s3_get_ahead(struct aws_client *client, const char *bucket, const char *key, const char *etag,
                      size_t max_bytes, struct work_read **ret) MUST_USE;
/* GET of a version's first bytes; work_first_answer writes them to `fd`. *ret_whole: that is all of it. */
int work_s3_first_ahead(struct aws_client *client, const char *bucket, const char *key,
                        const char *version_id, int64_t bytes, struct work_read **ret) MUST_USE;
int work_first_answer(struct work_read *read, int fd, bool *ret_whole, struct reason *why) MUST_USE;
/* Once. `ret` and `ret_head` may be NULL. */
int work_read_answer(struct work_read *read, struct buf *ret, struct s3_head *ret_head,
                     struct reason *why) MUST_USE;
void work_read_free(struct work_read **read); /* CLEANUP-able; waits for an answer not asked for */
/* GET into a file. */
int work_s3_get_file(struct aws_client *client, const char *bucket, const char *key, const char *version_id,
                     int fd, int64_t max_bytes, struct reason *why) MUST_USE;
/* PUT of a file from its start. */
int work_s3_put_file(struct aws_client *client, const char *bucket, const char *key, int fd, int64_t size,
                     const struct http_header *headers, size_t header_count, struct reason *why) MUST_USE;
