/* Source/S3: copies the pinned version of the artifact into the pipeline's store, byte for byte within S3,
 * and learns its SHA-256 from the copy, as from Slipway all else. Source: CodePipeline User Guide, "Amazon S3
 * source action". */
#include "base/hash.h"
#include "wire/json.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include "workers/anchor/actions/action.h"
#include "workers/worker.h"
#include <stdio.h>

struct origin {
    const char *bucket;
    const char *key;
    const char *version_id; /* of the revision that the execution is pinned to; empty: the current one */
    struct s3_head head;
    bool told; /* the copy's answer had all of it */
};

static int copy_source_header(const struct origin *origin, struct buf *ret)
{
    buf_puts(ret, origin->bucket);
    buf_puts(ret, "/");
    uri_encode(ret, str_of(origin->key), true);
    if (origin->version_id && origin->version_id[0]) {
        buf_puts(ret, "?versionId=");
        uri_encode(ret, str_of(origin->version_id), false);
    }
    return buf_error(ret);
}

static int digest_of_answer(struct str answer, char ret_hex[65], struct reason *why)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    unsigned char bytes[64];
    size_t len;
    int r = xml_parse(answer, &doc, why);

    if (r)
        return r < 0 ? r : WORK_E_FAILED;
    text = xml_text(xml_child(xmlDocGetRootElement(doc), "ChecksumSHA256"));
    if (text && strlen(text) == 44 && base64_decode(str_of(text), bytes, &len) && len == 32)
        hex_encode(bytes, len, ret_hex);
    return 0;
}

/* What the answer tells of the origin: from Slipway, all that cannot have changed since. */
static void origin_read(const struct http_exchange *exchange, struct origin *ret)
{
    struct str version = http_exchange_header(exchange, "x-amz-copy-source-version-id");
    struct str size = http_exchange_header(exchange, "x-slipway-copy-source-size");
    struct str etag = http_exchange_header(exchange, "x-slipway-copy-source-etag");

    if (version.ptr)
        snprintf(ret->head.version_id, sizeof(ret->head.version_id), STR_FMT, STR_ARG(version));
    if (!etag.ptr || !str_to_int(size, 0, INT64_MAX, &ret->head.size))
        return;
    snprintf(ret->head.etag, sizeof(ret->head.etag), STR_FMT, STR_ARG(etag));
    ret->told = true;
}

/* What to do when the copy is refused, for the store or for the origin: of the latter origin_look tells. */
static int store_refused(struct job *job, const char *bucket, const struct aws_error *error)
{
    const struct reason said = job->why;

    if (strcmp(error->code, "NoSuchBucket") == 0)
        return job_fail(
            job, "ConfigurationError",
            "the pipeline's artifact store, bucket %s, does not exist: create it, or name another in "
            "the pipeline's artifactStore",
            bucket);
    if (strcmp(error->code, "AccessDenied") == 0)
        return job_fail(
            job, "PermissionError",
            "the pipeline's artifact store, bucket %s, is closed to account %s: name a bucket of the "
            "pipeline's own account in its artifactStore, or have this bucket's account let that "
            "account s3:GetObject and s3:PutObject by s3:PutBucketPolicy (%s)",
            bucket, job->anchor->account, said.text);
    return WORK_E_FAILED;
}

static int copy(struct job *job, struct origin *origin, const char *bucket, const char *key, char ret_hex[65])
{
    CLEANUP(buf_free) struct buf from = BUF_INIT(8192);
    struct http_exchange exchange = {.answer = BUF_INIT(65536), .raw_headers = BUF_INIT(65536)};
    struct aws_error error = {0};
    int r = copy_source_header(origin, &from);

    if (r)
        return r;
    const struct http_header headers[] = {
        {STR("x-amz-copy-source"), buf_str(&from)},
        {STR("x-amz-checksum-algorithm"), STR("SHA256")},
    };
    const struct aws_s3_request request = {.method = "PUT",
                                           .bucket = bucket,
                                           .key = key,
                                           .headers = headers,
                                           .header_count = ARRAY_LEN(headers),
                                           .body_fd = -1,
                                           .sink_fd = -1};
    r = work_outcome(aws_s3(job->client, &request, &exchange, &error), &error, "s3:CopyObject", &job->why);
    if (r == WORK_E_FAILED)
        r = store_refused(job, bucket, &error);
    if (r == 0)
        r = digest_of_answer(buf_str(&exchange.answer), ret_hex, &job->why);
    if (r == 0)
        origin_read(&exchange, origin);
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    return r;
}

/* The revision's value: given as text, or as {revisionValue} or {revisionId}. */
static const char *pinned_version(const struct job *job)
{
    const json_t *revision = json_object_get(job->data, "sourceRevision");

    if (!revision)
        revision = json_object_get(job->tree, "sourceRevision");
    if (json_is_string(revision))
        return json_string_value(revision);
    return json_str(revision, "revisionValue", json_str(revision, "revisionId", ""));
}

static int origin_find(struct job *job, struct origin *ret)
{
    ret->bucket = job_setting(job, "S3Bucket");
    ret->key = job_setting(job, "S3ObjectKey");
    if (!ret->bucket || !ret->key)
        return job_fail(job, "ConfigurationError",
                        "the action's configuration needs S3Bucket and S3ObjectKey");
    ret->version_id = pinned_version(job);
    return 0;
}

/* `copied`: what became of the copy. Whether the origin is there, and what is not told of it with the copy.
 * One that is gone, or another by now, since it was copied, was what it was. */
static int origin_look(struct job *job, struct origin *origin, int copied)
{
    const char *version = origin->version_id[0] ? origin->version_id : origin->head.version_id;
    struct reason why = {0};
    struct s3_head head;
    int r;

    if (copied != WORK_E_FAILED && copied)
        return copied;
    r = work_s3_head(job->client, origin->bucket, origin->key, version, &head, &why);
    if (origin->told && copied == 0 &&
        (r == WORK_E_ABSENT || (r == 0 && strcmp(head.etag, origin->head.etag) != 0)))
        return 0;
    if (r == WORK_E_ABSENT)
        job->failure_type = "RevisionUnavailable";
    if (r)
        job->why = why;
    else
        origin->head = head;
    return r ? r : copied;
}

/* The uploader's words, when they are UTF-8. */
static json_t *summary_make(const struct origin *origin, const char *otherwise)
{
    const char *said = origin->head.revision_summary;
    json_t *summary = said[0] ? json_string(said) : NULL;

    return summary ? summary : json_string(otherwise);
}

/* Without its quotes. */
static json_t *change_make(const struct origin *origin)
{
    struct str etag = str_of(origin->head.etag);

    if (etag.len >= 2 && etag.ptr[0] == '"')
        etag = (struct str){etag.ptr + 1, etag.len - 2};
    return json_stringn(etag.ptr, etag.len);
}

static int report_revision(struct job *job, const struct origin *origin, const char *digest)
{
    const char *version = origin->version_id[0] ? origin->version_id : origin->head.version_id;
    char words[256];
    int r = job_variable(job, "BucketName", origin->bucket);

    if (r == 0)
        r = job_variable(job, "ObjectKey", origin->key);
    if (r == 0)
        r = job_variable(job, "VersionId", version);
    if (r == 0)
        r = job_variable(job, "ETag", origin->head.etag);
    if (r == 0)
        r = job_variable(job, "SHA256", digest);
    if (r)
        return r;
    snprintf(words, sizeof(words), "version %.100s, %lld bytes, SHA-256 %s", version,
             (long long)origin->head.size, digest);
    buf_puts(&job->summary, words);
    job->revision = json_pack("{s:s, s:o, s:o}", "revision", version, "changeIdentifier", change_make(origin),
                              "revisionSummary", summary_make(origin, words));
    return job->revision ? 0 : FAULT(ENOMEM);
}

int action_source_s3(struct job *job)
{
    const json_t *output = json_path(job->data, "outputArtifacts.0");
    const char *bucket = json_string_value(json_path(output, "location.s3Location.bucketName"));
    const char *key = json_string_value(json_path(output, "location.s3Location.objectKey"));
    struct origin origin = {.version_id = ""};
    struct s3_head copied;
    char digest[65] = "";
    int r;

    if (!bucket || !key)
        return job_fail(job, "ConfigurationError", "a Source action needs an output artifact");
    r = origin_find(job, &origin);
    if (r == 0)
        r = origin_look(job, &origin, copy(job, &origin, bucket, key, digest));
    if (r == 0 && !digest[0]) {
        r = work_s3_head(job->client, bucket, key, NULL, &copied, &job->why);
        if (r == 0)
            memcpy(digest, copied.sha256_hex, sizeof(digest));
    }
    if (r)
        return r;
    if (!digest[0])
        return job_fail(job, "JobFailed", "the store did not tell the SHA-256 of s3://%s/%s", bucket, key);
    r = job_output_is(job, output, digest);
    return r ? r : report_revision(job, &origin, digest);
}
