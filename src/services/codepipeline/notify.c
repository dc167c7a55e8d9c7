/* The message of an approval that waits. Source: CodePipeline User Guide, "JSON data format for manual
 * approval notifications"; mailboxes get words instead. What Slipway adds stands under `slipway`. */
#include "services/codepipeline/notify.h"
#include "base/buf.h"
#include "services/service.h"
#include "services/sns/sns.h"
#include "wire/json.h"
#include "wire/time.h"
#include <stdio.h>

#define SUBJECT_SIZE 101
#define MINUTES_LEN 16 /* of 2016-07-07T20:22 */
#define TEXT_MAX ((size_t)128 * 1024)
#define LINK_MAX ((size_t)2048)

struct asked {
    const struct platform *platform;
    const struct pipeline *pipeline;
    const struct execution *execution;
    const struct run *run;
    const json_t *configuration;
    char expires[TIME_TEXT_SIZE];
};

static int put_links(const struct asked *asked, json_t *out, json_t *approval)
{
    CLEANUP(buf_free) struct buf view = BUF_INIT(LINK_MAX);
    int r = buf_printf(&view, "%s/codepipeline/home?region=%s#/view/%s", asked->platform->endpoint,
                       asked->platform->region, asked->pipeline->name);

    if (r == 0)
        r = json_put_strn(out, "consoleLink", buf_str(&view));
    if (r == 0)
        r = buf_printf(&view, "/%s/%s/approve/%s", asked->run->stage, asked->run->action->name,
                       asked->run->token);
    return r ? r : json_put_strn(approval, "approvalReviewLink", buf_str(&view));
}

/* The bytes and the changes that the approval is about. */
static int put_slipway(const struct asked *asked, json_t *out)
{
    const json_t *about = json_object_get(asked->run->detail, "approval");

    return json_put(
        out, "slipway",
        json_pack("{s:s, s:s, s:O*, s:O*, s:s*}", "account", asked->pipeline->account, "pipelineExecutionId",
                  asked->execution->id, "artifacts", json_object_get(about, "artifacts"), "changes",
                  json_object_get(about, "changes"), "missing", json_str(about, "missing", NULL)));
}

static int write_json(const struct asked *asked, struct buf *ret)
{
    CLEANUP(json_free) json_t *out = json_pack("{s:s}", "region", asked->platform->region);
    json_t *approval = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*}", "pipelineName", asked->pipeline->name, "stageName",
        asked->run->stage, "actionName", asked->run->action->name, "token", asked->run->token, "expires",
        asked->expires, "externalEntityLink", json_str(asked->configuration, "ExternalEntityLink", NULL),
        "customData", json_str(asked->configuration, "CustomData", NULL));
    int r = out ? json_put(out, "approval", approval) : FAULT(ENOMEM);

    if (r == 0)
        r = put_links(asked, out, approval);
    if (r == 0)
        r = put_slipway(asked, out);
    return r ? r : json_write(out, ret);
}

static void put_line(struct buf *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_puts(out, name);
    buf_puts(out, ": ");
    buf_puts(out, value);
    buf_putc(out, '\n');
}

static void put_artifacts(struct buf *out, const json_t *about)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(about, "artifacts"), i, item) {
        put_line(out, "Artifact", json_str(item, "name", NULL));
        put_line(out, "  revision", json_str(item, "revisionId", NULL));
        put_line(out, "  SHA-256", json_str(item, "sha256", NULL));
        put_line(out, "  summary", json_str(item, "revisionSummary", NULL));
    }
    json_array_foreach (json_object_get(about, "changes"), i, item) {
        put_line(out, "Change set", json_str(item, "changeSet", NULL));
        put_line(out, "  changes", json_str(item, "summary", NULL));
    }
}

static int write_words(const struct asked *asked, struct buf *out)
{
    const json_t *about = json_object_get(asked->run->detail, "approval");

    buf_puts(out, "Hello,\n\nThe following Approval action is waiting for your response:\n\n"
                  "--Pipeline Details--\n\n");
    put_line(out, "Pipeline name", asked->pipeline->name);
    put_line(out, "Stage name", asked->run->stage);
    put_line(out, "Action name", asked->run->action->name);
    put_line(out, "Region", asked->platform->region);
    put_line(out, "Execution", asked->execution->id);
    put_artifacts(out, about);
    buf_puts(out, "\n--Approval Details--\n\n");
    put_line(out, "Additional information", json_str(asked->configuration, "CustomData", NULL));
    put_line(out, "URL for review", json_str(asked->configuration, "ExternalEntityLink", NULL));
    put_line(out, "Still needed", json_str(about, "missing", NULL));
    put_line(out, "This review request expires", asked->expires);
    buf_puts(out,
             "\nTo answer (Approved or Rejected):\naws codepipeline put-approval-result --pipeline-name ");
    buf_printf(out, "%s --stage-name %s --action-name %s --token %s", asked->pipeline->name,
               asked->run->stage, asked->run->action->name, asked->run->token);
    buf_puts(out, " --result 'status=Approved,summary=WHY'\n");
    return buf_error(out) ? FAULT(buf_error(out)) : 0;
}

bool notify_may(const char *topic_account, const char *account, const char *role_arn)
{
    char own[64];

    (void)snprintf(own, sizeof(own), "arn:aws:iam::%s:", topic_account);
    return strcmp(topic_account, account) == 0 || (role_arn && str_starts(str_of(role_arn), str_of(own)));
}

static int publish(struct tx *tx, const struct asked *asked, const char *arn, size_t *ret_receivers,
                   struct reason *why)
{
    CLEANUP(buf_free) struct buf data = BUF_INIT(TEXT_MAX);
    CLEANUP(buf_free) struct buf words = BUF_INIT(TEXT_MAX);
    CLEANUP(json_free) json_t *texts = NULL;
    char account[13], name[SNS_NAME_MAX + 1], id[SNS_ID_SIZE], subject[SUBJECT_SIZE];
    int r;

    if (!topic_split_arn(str_of(arn), account, name))
        return reason_set(why, SNS_E_PARAMETER, "NotificationArn %.300s is no topic's ARN.", arn);
    if (!notify_may(account, asked->pipeline->account, asked->run->action->role_arn))
        return reason_set(why, SNS_E_DENIED, "The topic %.300s belongs to another account.", arn);
    r = write_json(asked, &data);
    if (r == 0)
        r = write_words(asked, &words);
    if (r)
        return r;
    texts = json_pack("{s:s, s:s}", "default", data.ptr, "email", words.ptr);
    CLEANUP(free_ptr) char *message = texts ? json_text(texts) : NULL;
    if (!message)
        return FAULT(ENOMEM);
    (void)snprintf(subject, sizeof(subject), "APPROVAL NEEDED: AWS CodePipeline %.34s for action %.20s",
                   asked->pipeline->name, asked->run->action->name);
    const struct publication publication = {.message = message, .subject = subject, .structure = "json"};
    return topic_publish(tx, asked->platform, account, name, &publication, id, ret_receivers, why);
}

int notify_approval(struct tx *tx, const struct platform *platform, const struct pipeline *pipeline,
                    const struct execution *execution, const struct run *run, int64_t now_ms)
{
    struct asked asked = {.platform = platform,
                          .pipeline = pipeline,
                          .execution = execution,
                          .run = run,
                          .configuration = json_object_get(run->detail, "resolvedConfiguration")};
    const char *arn = json_str(asked.configuration, "NotificationArn", "");
    struct history history = {.execution_id = execution->id,
                              .stage = run->stage,
                              .action = run->action->name,
                              .what = "notification-published",
                              .why = arn};
    struct reason why = {0}, named;
    size_t receivers = 0;
    int r;

    time_iso8601_s(run->deadline_ms, asked.expires);
    (void)snprintf(asked.expires + MINUTES_LEN, sizeof(asked.expires) - MINUTES_LEN, "Z");
    r = publish(tx, &asked, arn, &receivers, &why);
    if (r < 0)
        return r;
    if (r == 0 && receivers == 0)
        r = reason_set(&why, SNS_E_NOT_FOUND, "Nobody has confirmed a subscription to the topic %.300s.",
                       arn);
    if (r > 0) {
        history.what = "notification-failed";
        history.why = why.text;
        if (!strstr(why.text, arn)) {
            reason_set(&named, 0, "%.300s: %s", arn, why.text);
            history.why = named.text;
        }
    }
    return history_add(tx, pipeline, &history, now_ms);
}
