/* Webhooks: addresses at which the world outside starts a pipeline.
 *
 * A webhook's token is part of its URL and made anew when the webhook is: who knows the URL may send, who
 * passes the webhook's own authentication and filters starts the pipeline. */
#pragma once

#include "base/buf.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/git_event.h"
#include "services/codepipeline/store.h"

#define WEBHOOK_TOKEN_SIZE 65
#define WEBHOOKS_MAX 300 /* of an account; CodePipeline user guide, "Quotas" */
#define WEBHOOK_PATH "/webhooks/trigger"
#define WEBHOOK_ARN_SIZE 256
#define WEBHOOK_EVENT_MAX ((int64_t)8 * 1024 * 1024)

struct webhook {
    char account[13];
    char name[PIPELINE_NAME_MAX + 1];
    char token[WEBHOOK_TOKEN_SIZE];
    json_t *definition;   /* PutWebhook's, as it was given */
    int64_t triggered_ms; /* 0: never */
    char *error_code;     /* why the last event for it did not start its pipeline; NULL: nothing is wrong */
    char *error_message;
};

void webhook_unload(struct webhook *webhook); /* CLEANUP-able */
void webhook_arn(const struct platform *platform, const char *account, const char *name,
                 char ret[WEBHOOK_ARN_SIZE]);

/* Both into a zeroed *ret. DB_NONE. */
int webhook_find(struct tx *tx, const char *account, const char *name, struct webhook *ret) MUST_USE;
int webhook_find_token(struct tx *tx, const char *token, struct webhook *ret) MUST_USE;
/* As ListWebhooks shows it; the secret is not shown. */
int webhook_show(struct tx *tx, const struct platform *platform, const struct webhook *webhook,
                 json_t **ret) MUST_USE;
/* Up to `max` webhooks after the name, as they are shown. */
int webhook_list(struct tx *tx, const struct platform *platform, const char *account, const char *after,
                 int64_t max, json_t **ret) MUST_USE;

/* Does a webhook of the account target that action of that pipeline? 0, DB_NONE. */
int webhook_targets(struct tx *tx, const char *account, const char *pipeline, const char *action) MUST_USE;

/* An event as it came. */
struct webhook_event {
    struct str body;
    struct str peer;          /* the sender's address */
    struct str signature_256; /* X-Hub-Signature-256, "sha256=…"; {NULL}: none */
    struct str signature;     /* X-Hub-Signature, "sha1=…" or "sha256=…" */
    struct str gitlab_token;  /* X-Gitlab-Token: the secret itself */
    struct git_event_headers git;
};

/* Is the event the webhook's sender's? PIPELINE_E_HOOK_DENIED. */
int webhook_authenticate(const struct webhook *webhook, const struct webhook_event *event,
                         struct reason *why) MUST_USE;
/* Does the event pass the filters? *ret_passes, and if not, which one did not in *why. `configuration` is the
 * target action's. PIPELINE_E_WEBHOOK_FILTER. */
int webhook_filter(const struct webhook *webhook, const json_t *configuration, json_t *document,
                   bool *ret_passes, struct reason *why) MUST_USE;
/* `matchEquals` with each {Key} replaced by the configuration's value. PIPELINE_E_WEBHOOK_FILTER: there is
 * none of that key. `ret` is an empty buffer; its maximum is set here. */
int webhook_match_fill(const char *match, const json_t *configuration, struct buf *ret,
                       struct reason *why) MUST_USE;
struct webhook_target {
    json_t *declaration;  /* of the target pipeline */
    const json_t *action; /* the target action in it */
};
void webhook_target_unload(struct webhook_target *target); /* CLEANUP-able */
/* Into a zeroed *ret. PIPELINE_E_NOT_FOUND, PIPELINE_E_INVALID. */
int webhook_target(struct tx *tx, const char *account, const json_t *definition, struct webhook_target *ret,
                   struct reason *why) MUST_USE;
/* Executions that one event starts: Bitbucket tells of many branches at once. */
#define WEBHOOK_EVENTS_MAX 50
/* What an event that passed the webhook's filters is to start: [{"in": what StartPipelineExecution takes,
 * "token"?: of a trigger, "gitChanges"?: what git must tell before it is known whether it starts}]. Empty,
 * and *why says what is missing, when a Git source's trigger does not want it. */
int webhook_events(const struct webhook_target *target, const struct webhook_event *event,
                   const json_t *document, json_t **ret, struct reason *why) MUST_USE;
/* Starts the pipeline by one of them. As StartPipelineExecution. */
int webhook_start(struct tx *tx, const struct platform *platform, const struct webhook *webhook,
                  const json_t *event, char ret_execution_id[ID_UUID_SIZE], struct reason *why) MUST_USE;
/* Keeps why an event did not start the pipeline; nothing is written when that is known already. */
int webhook_note(struct tx *tx, const struct webhook *webhook, const char *code,
                 const char *message) MUST_USE;
