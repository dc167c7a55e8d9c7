/* See setup.h. */
#include "workers/launcher/setup.h"
#include "base/buf.h"
#include "base/log.h"
#include "wire/json.h"
#include "wire/xml.h"
#include "workers/catalog.h"
#include <stdio.h>

#define XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"

static int bucket_put(struct aws_client *client, const char *bucket, const char *query, struct str body,
                      struct reason *why)
{
    struct aws_s3_request request = {
        .method = "PUT", .bucket = bucket, .query = query, .body = body, .body_fd = -1, .sink_fd = -1};
    struct http_exchange exchange = {.answer = BUF_INIT(65536), .raw_headers = BUF_INIT(65536)};
    struct aws_error error = {0};
    char what[128];
    int r = aws_s3(client, &request, &exchange, &error);

    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    if (r == AWS_E_SERVICE && strcmp(error.code, "BucketAlreadyOwnedByYou") == 0)
        return 0;
    snprintf(what, sizeof(what), "s3 PUT %s%s%s", bucket, query ? "?" : "", query ? query : "");
    return work_outcome(r, &error, what, why);
}

static int bucket_ensure(struct aws_client *client, const char *bucket, struct reason *why)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(1024);
    int r = bucket_put(client, bucket, NULL, (struct str){NULL, 0}, why);

    if (r)
        return r;
    xml_open_ns(&body, "VersioningConfiguration", XMLNS);
    xml_elem(&body, "Status", STR("Enabled"));
    xml_close(&body, "VersioningConfiguration");
    return buf_error(&body) ? FAULT(ENOMEM) : bucket_put(client, bucket, "versioning", buf_str(&body), why);
}

static int queue_ensure(struct aws_client *client, const char *name, const char *redrive, char *ret_url,
                        size_t size, struct reason *why)
{
    CLEANUP(json_free) json_t *out = NULL;
    char visibility[16];
    json_t *attributes, *in;
    int r;

    snprintf(visibility, sizeof(visibility), "%d", VISIBILITY_S);
    attributes = json_pack("{s:s}", "VisibilityTimeout", visibility);
    if (!attributes || (redrive && json_put_str(attributes, "RedrivePolicy", redrive))) {
        json_decref(attributes);
        return FAULT(ENOMEM);
    }
    in = json_pack("{s:s, s:o}", "QueueName", name, "Attributes", attributes);
    r = in ? work_call(client, "sqs", "CreateQueue", in, &out, NULL, why) : FAULT(ENOMEM);
    if (r)
        return r;
    snprintf(ret_url, size, "%s", json_str(out, "QueueUrl", ""));
    return 0;
}

/* *ret: an attribute, at most size - 1 bytes of it; "": it is not set. */
static int queue_attribute(struct aws_client *client, const char *url, const char *name, char *ret,
                           size_t size, struct reason *why)
{
    CLEANUP(json_free) json_t *out = NULL;
    int r = work_call(client, "sqs", "GetQueueAttributes",
                      json_pack("{s:s, s:[s]}", "QueueUrl", url, "AttributeNames", name), &out, NULL, why);

    if (r)
        return r;
    snprintf(ret, size, "%s", json_str(json_object_get(out, "Attributes"), name, ""));
    return 0;
}

static int queues_ensure(struct aws_client *client, struct setup *setup, char *ret_arn, size_t size,
                         struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    CLEANUP(free_ptr) char *redrive = NULL;
    char arn[512];
    int r = queue_ensure(client, DEAD_LETTER_QUEUE, NULL, setup->dead_letter_url,
                         sizeof(setup->dead_letter_url), why);

    if (r == 0)
        r = queue_attribute(client, setup->dead_letter_url, "QueueArn", arn, sizeof(arn), why);
    if (r)
        return r;
    policy = json_pack("{s:s, s:s}", "deadLetterTargetArn", arn, "maxReceiveCount", "5");
    redrive = policy ? json_text(policy) : NULL;
    if (!redrive)
        return FAULT(ENOMEM);
    r = queue_ensure(client, EVENT_QUEUE, redrive, setup->queue_url, sizeof(setup->queue_url), why);
    return r ? r : queue_attribute(client, setup->queue_url, "QueueArn", ret_arn, size, why);
}

/* *ret: what of the bucket `query` names, at most ret->max bytes. AWS_E_*. */
static int bucket_get(struct aws_client *client, const char *bucket, const char *query, struct buf *ret,
                      struct aws_error *error)
{
    const struct aws_s3_request request = {
        .method = "GET", .bucket = bucket, .query = query, .body_fd = -1, .sink_fd = -1};
    struct http_exchange exchange = {.answer = *ret, .raw_headers = BUF_INIT(65536)};
    int r = aws_s3(client, &request, &exchange, error);

    *ret = exchange.answer;
    buf_free(&exchange.raw_headers);
    return r;
}

/* ---- who may: a bucket or queue that has a policy keeps it */

static int policy_absent(struct aws_client *client, const char *bucket, bool *ret, struct reason *why)
{
    CLEANUP(buf_free) struct buf found = BUF_INIT(65536);
    struct aws_error error = {0};
    int r = bucket_get(client, bucket, "policy", &found, &error);

    *ret = r == AWS_E_SERVICE && strcmp(error.code, "NoSuchBucketPolicy") == 0;
    return *ret ? 0 : work_outcome(r, &error, "s3:GetBucketPolicy", why);
}

/* `statements`: given up. */
static int policy_put(struct aws_client *client, const char *bucket, json_t *statements, struct reason *why)
{
    CLEANUP(json_free)
    json_t *policy =
        statements ? json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", statements) : NULL;
    CLEANUP(free_ptr) char *text = policy ? json_text(policy) : NULL;

    return text ? bucket_put(client, bucket, "policy", str_of(text), why) : FAULT(ENOMEM);
}

/* Who may change the catalog decides what is released where. */
static int catalog_protect(struct aws_client *client, const char *account, struct reason *why)
{
    bool absent;
    int r = policy_absent(client, CATALOG_BUCKET, &absent, why);

    if (r || !absent)
        return r;
    return policy_put(client, CATALOG_BUCKET,
                      json_pack("[{s:s, s:s, s:s, s:s, s:[s, s], s:{s:{s:s}}}]", "Sid", "OnlyTheCentralTeam",
                                "Effect", "Deny", "Principal", "*", "Action", "s3:*", "Resource",
                                "arn:aws:s3:::" CATALOG_BUCKET, "arn:aws:s3:::" CATALOG_BUCKET "/*",
                                "Condition", "StringNotEquals", "aws:PrincipalAccount", account),
                      why);
}

/* All artifacts pass through it, of every account: those of one are not another's to read or to remove.
 * Nothing is denied, so that sources are copied within their step (s3/share.c): who is named nowhere may do
 * nothing. */
static int store_protect(struct aws_client *client, const char *account, struct reason *why)
{
    bool absent;
    int r = policy_absent(client, STORE_BUCKET, &absent, why);

    if (r || !absent)
        return r;
    return policy_put(client, STORE_BUCKET,
                      json_pack("[{s:s, s:s, s:{s:s}, s:s, s:[s, s]}]", "Sid", "TheCentralTeam", "Effect",
                                "Allow", "Principal", "AWS", account, "Action", "s3:*", "Resource",
                                "arn:aws:s3:::" STORE_BUCKET, "arn:aws:s3:::" STORE_BUCKET "/*"),
                      why);
}

/* The accounts of an organization, whichever there will be: each is named by where it may put. */
static json_t *artifact_statements(const char *organization)
{
    return json_pack(
        "[{s:s, s:s, s:s, s:[s, s, s, s, s, s, s, s, s, s], s:s, s:{s:{s:s}}},"
        " {s:s, s:s, s:s, s:[s, s], s:s, s:{s:{s:s}, s:{s:[s, s]}}},"
        " {s:s, s:s, s:s, s:s, s:s, s:{s:{s:s}}}]",
        "Sid", "BelowItsOwnPrefix", "Effect", "Allow", "Principal", "*", "Action", "s3:PutObject",
        "s3:PutObjectTagging", "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging", "s3:GetObjectAttributes", "s3:GetObjectVersionAttributes",
        "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "Resource",
        "arn:aws:s3:::" ARTIFACT_BUCKET "/${aws:PrincipalAccount}/*", "Condition", "StringEquals",
        "aws:PrincipalOrgID", organization,

        "Sid", "WhatIsBelowIt", "Effect", "Allow", "Principal", "*", "Action", "s3:ListBucket",
        "s3:ListBucketVersions", "Resource", "arn:aws:s3:::" ARTIFACT_BUCKET, "Condition", "StringEquals",
        "aws:PrincipalOrgID", organization, "StringLike", "s3:prefix", "${aws:PrincipalAccount}",
        "${aws:PrincipalAccount}/*",

        "Sid", "WhereItIs", "Effect", "Allow", "Principal", "*", "Action", "s3:GetBucketLocation", "Resource",
        "arn:aws:s3:::" ARTIFACT_BUCKET, "Condition", "StringEquals", "aws:PrincipalOrgID", organization);
}

/* Else whoever has a key of any account could put what another's would be released from. */
static int artifacts_protect(struct aws_client *client, struct reason *why)
{
    CLEANUP(json_free) json_t *out = NULL;
    const char *organization;
    bool absent;
    int r = policy_absent(client, ARTIFACT_BUCKET, &absent, why);

    if (r || !absent)
        return r;
    r = work_call(client, "organizations", "DescribeOrganization", json_object(), &out, NULL, why);
    if (r == WORK_E_FAILED) {
        log_warn("launcher", "the bucket %s gets no policy, as the organization is not told: %s",
                 ARTIFACT_BUCKET, why->text);
        return 0;
    }
    organization = json_string_value(json_path(out, "Organization.Id"));
    if (r || !organization)
        return r ? r : FAULT(EBADMSG);
    return policy_put(client, ARTIFACT_BUCKET, artifact_statements(organization), why);
}

/* Without it S3 sends nothing there; any other bucket could fill it. */
static int queue_protect(struct aws_client *client, const char *url, const char *arn, const char *account,
                         struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    char there[2];
    int r = queue_attribute(client, url, "Policy", there, sizeof(there), why);

    if (r || *there)
        return r;
    policy = json_pack("{s:s, s:[{s:s, s:s, s:{s:s}, s:s, s:s, s:{s:{s:s}, s:{s:s}}}]}", "Version",
                       "2012-10-17", "Statement", "Sid", "WhatIsDelivered", "Effect", "Allow", "Principal",
                       "Service", "s3.amazonaws.com", "Action", "sqs:SendMessage", "Resource", arn,
                       "Condition", "ArnEquals", "aws:SourceArn", "arn:aws:s3:::" ARTIFACT_BUCKET,
                       "StringEquals", "aws:SourceAccount", account);
    text = policy ? json_text(policy) : NULL;
    return text ? work_call(client, "sqs", "SetQueueAttributes",
                            json_pack("{s:s, s:{s:s}}", "QueueUrl", url, "Attributes", "Policy", text), NULL,
                            NULL, why)
                : FAULT(ENOMEM);
}

/* Whether the bucket tells this queue already: its configuration is then left as it is. */
static int notification_there(struct aws_client *client, const char *arn, bool *ret, struct reason *why)
{
    CLEANUP(buf_free) struct buf answer = BUF_INIT(1 << 20);
    struct aws_error error = {0};
    int r = bucket_get(client, ARTIFACT_BUCKET, "notification", &answer, &error);

    *ret = r == 0 && answer.len > 0 && memmem(answer.ptr, answer.len, arn, strlen(arn)) != NULL;
    return work_outcome(r, &error, "s3:GetBucketNotificationConfiguration", why);
}

static int notification_ensure(struct aws_client *client, const char *arn, struct reason *why)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(4096);
    bool there;
    int r = notification_there(client, arn, &there, why);

    if (r || there)
        return r;
    xml_open_ns(&body, "NotificationConfiguration", XMLNS);
    xml_open(&body, "QueueConfiguration");
    xml_elem(&body, "Id", STR("slipway"));
    xml_elem(&body, "Queue", str_of(arn));
    xml_elem(&body, "Event", STR("s3:ObjectCreated:*"));
    xml_close(&body, "QueueConfiguration");
    xml_close(&body, "NotificationConfiguration");
    return buf_error(&body) ? FAULT(ENOMEM)
                            : bucket_put(client, ARTIFACT_BUCKET, "notification", buf_str(&body), why);
}

/* The account in an ARN. */
static void account_of(const char *arn, char ret[16])
{
    struct str rest = str_of(arn), part = {NULL, 0};

    for (int i = 0; i < 5; i++)
        part = str_split(&rest, ':');
    (void)snprintf(ret, 16, STR_FMT, STR_ARG(part));
}

int setup_ensure(struct aws_client *client, struct setup *ret, struct reason *why)
{
    static const char *const buckets[] = {ARTIFACT_BUCKET, STORE_BUCKET, CATALOG_BUCKET};
    char arn[512] = "", account[16];
    int r = 0;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(buckets); i++)
        r = bucket_ensure(client, buckets[i], why);
    if (r == 0)
        r = queues_ensure(client, ret, arn, sizeof(arn), why);
    if (r)
        return r;
    account_of(arn, account);
    r = queue_protect(client, ret->queue_url, arn, account, why);
    if (r == 0)
        r = notification_ensure(client, arn, why);
    if (r == 0)
        r = artifacts_protect(client, why);
    if (r == 0)
        r = store_protect(client, account, why);
    return r ? r : catalog_protect(client, account, why);
}
