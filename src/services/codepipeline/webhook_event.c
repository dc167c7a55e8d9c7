/* What an event from outside must pass, and what it starts. Source: CodePipeline API Reference,
 * WebhookDefinition, WebhookFilterRule; GitHub, "Validating webhook deliveries". */
#include "base/clock.h"
#include "base/hash.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/webhook.h"
#include "services/service.h"
#include "wire/ip_range.h"
#include "wire/json.h"
#include "wire/json_select.h"
#include <stdio.h>

#define MATCH_MAX ((size_t)64 * 1024)

/* ---- authentication */

/* "sha256=HEX" */
static bool signature_fits(struct str signature, const char *prefix, const unsigned char *mac, size_t mac_len)
{
    unsigned char given[HASH_MAX_SIZE];
    size_t skip = strlen(prefix);

    if (!str_starts(signature, str_of(prefix)) || signature.len != skip + 2 * mac_len ||
        !hex_decode((struct str){signature.ptr + skip, 2 * mac_len}, given))
        return false;
    return hash_equal(given, mac, mac_len);
}

/* GitLab sends the secret itself. Compared by digests: how long it takes tells nothing. */
static bool secret_fits(struct str given, struct str secret)
{
    char a[HASH_HEX_SIZE], b[HASH_HEX_SIZE];

    hash_sha256_hex(given, a);
    hash_sha256_hex(secret, b);
    return hash_equal(a, b, 2 * hash_size(HASH_SHA256));
}

static bool body_signed(struct str signature, struct str secret, struct str body, const char *prefix,
                        enum hash_type type)
{
    unsigned char mac[HASH_MAX_SIZE];

    hash_hmac(type, secret, body, mac);
    return signature_fits(signature, prefix, mac, hash_size(type));
}

/* The strongest signature decides when there are several. Bitbucket has SHA-256 where GitHub had SHA-1. */
static int hmac_check(struct str secret, const struct webhook_event *event, struct reason *why)
{
    bool fits;

    if (event->signature_256.ptr) {
        fits = body_signed(event->signature_256, secret, event->body, "sha256=", HASH_SHA256);
    } else if (str_starts(event->signature.ptr ? event->signature : STR(""), STR("sha256="))) {
        fits = body_signed(event->signature, secret, event->body, "sha256=", HASH_SHA256);
    } else if (event->signature.ptr) {
        fits = body_signed(event->signature, secret, event->body, "sha1=", HASH_SHA1);
    } else if (event->gitlab_token.ptr) {
        fits = secret_fits(event->gitlab_token, secret);
    } else {
        return reason_set(
            why, PIPELINE_E_HOOK_DENIED,
            "The event has neither X-Hub-Signature-256, X-Hub-Signature nor X-Gitlab-Token: set the "
            "webhook's secret at its sender.");
    }
    return fits ? 0
                : reason_set(why, PIPELINE_E_HOOK_DENIED,
                             "The event's signature is not made with the webhook's secret.");
}

static int address_check(const char *allowed, struct str peer, struct reason *why)
{
    struct ip_range range;

    if (ip_range_parse(str_of(allowed), &range) && ip_range_has(&range, peer))
        return 0;
    return reason_set(why, PIPELINE_E_HOOK_DENIED,
                      "The address " STR_FMT " is not in the webhook's AllowedIPRange.", STR_ARG(peer));
}

int webhook_authenticate(const struct webhook *webhook, const struct webhook_event *event, struct reason *why)
{
    const json_t *configuration = json_object_get(webhook->definition, "authenticationConfiguration");
    const char *secret = json_str(configuration, "SecretToken", NULL);
    const char *range = json_str(configuration, "AllowedIPRange", NULL);

    if (secret)
        return hmac_check(str_of(secret), event, why);
    return range ? address_check(range, event->peer, why) : 0;
}

/* ---- filters */

int webhook_match_fill(const char *match, const json_t *configuration, struct buf *ret, struct reason *why)
{
    struct str rest = str_of(match);

    *ret = BUF_INIT(MATCH_MAX);
    while (rest.ptr) {
        const char *open = memchr(rest.ptr, '{', rest.len);
        const char *close = open ? memchr(open, '}', (size_t)(rest.ptr + rest.len - open)) : NULL;

        if (!close) {
            buf_put_str(ret, rest);
            break;
        }
        struct str key = {open + 1, (size_t)(close - open - 1)};
        const char *value = json_string_value(json_object_getn(configuration, key.ptr, key.len));

        if (!value)
            return reason_set(why, PIPELINE_E_WEBHOOK_FILTER,
                              "The matchEquals '%s' names {" STR_FMT
                              "}, which the target action's configuration does not have.",
                              match, STR_ARG(key));
        buf_put(ret, rest.ptr, (size_t)(open - rest.ptr));
        buf_puts(ret, value);
        rest = (struct str){close + 1, (size_t)(rest.ptr + rest.len - close - 1)};
    }
    return buf_error(ret);
}

/* Texts as they are, all else as JSON writes it. */
static int value_matches(const json_t *value, struct str match, bool *ret)
{
    if (json_is_string(value)) {
        *ret = str_eq((struct str){json_string_value(value), json_string_length(value)}, match);
        return 0;
    }
    CLEANUP(free_ptr) char *text = json_text(value);

    if (!text)
        return FAULT(ENOMEM);
    *ret = str_eq(str_of(text), match);
    return 0;
}

static int any_matches(const json_t *values, struct str match, bool *ret)
{
    const json_t *value;
    size_t i;
    int r = 0;

    *ret = false;
    json_array_foreach (values, i, value)
        if (r == 0 && !*ret)
            r = value_matches(value, match, ret);
    return r;
}

/* A filter without matchEquals wants the path to select something. */
static int filter_passes(const json_t *filter, const json_t *configuration, json_t *document, bool *ret,
                         struct reason *why)
{
    CLEANUP(json_free) json_t *values = NULL;
    CLEANUP(buf_free) struct buf match = BUF_INIT(0);
    const char *path = json_str(filter, "jsonPath", ""), *equals = json_str(filter, "matchEquals", NULL);
    int r = json_select(document, str_of(path), &values, why);

    if (r > 0)
        return PIPELINE_E_WEBHOOK_FILTER;
    *ret = json_array_size(values) > 0;
    if (r || !*ret || !equals)
        return r;
    r = webhook_match_fill(equals, configuration, &match, why);
    return r ? r : any_matches(values, buf_str(&match), ret);
}

int webhook_filter(const struct webhook *webhook, const json_t *configuration, json_t *document,
                   bool *ret_passes, struct reason *why)
{
    const json_t *filter;
    size_t i;
    int r = 0;

    *ret_passes = true;
    json_array_foreach (json_object_get(webhook->definition, "filters"), i, filter) {
        if (r == 0 && *ret_passes)
            r = filter_passes(filter, configuration, document, ret_passes, why);
        if (r == 0 && !*ret_passes) {
            (void)reason_set(why, 0, "The event does not pass filter %zu: %s%s%s.", i + 1,
                             json_str(filter, "jsonPath", ""),
                             json_object_get(filter, "matchEquals") ? " equals " : " is there",
                             json_str(filter, "matchEquals", ""));
            break;
        }
    }
    return r;
}

/* ---- the target */

void webhook_target_unload(struct webhook_target *target)
{
    json_free(&target->declaration);
    target->action = NULL;
}

int webhook_target(struct tx *tx, const char *account, const json_t *definition, struct webhook_target *ret,
                   struct reason *why)
{
    const char *name = json_str(definition, "targetAction", "");
    struct pipeline pipeline;
    int r = pipeline_require(tx, account, json_str(definition, "targetPipeline", ""), &pipeline, why);

    if (r == 0)
        r = pipeline_declaration(tx, pipeline.id, pipeline.version, &ret->declaration);
    if (r)
        return r;
    ret->action = source_declared(ret->declaration, name);
    if (!ret->action)
        return reason_set(why, PIPELINE_E_INVALID,
                          "The source (first) stage of pipeline '%s' does not have an action named '%s'",
                          pipeline.name, name);
    return 0;
}

/* The execution takes the event's commit, from the event's branch. */
static int commit_put(json_t *in, const json_t *action, const struct git_event *event)
{
    return json_put(in, "sourceRevisions",
                    json_pack("[{s:s, s:s, s:s, s:s}]", "actionName", json_str(action, "name", ""),
                              "revisionType", SOURCE_COMMIT, "revisionValue", event->commit, "branchName",
                              event->branch));
}

static int token_put(json_t *one, const struct git_event *event)
{
    char text[512], token[HASH_HEX_SIZE];

    if (!event->once)
        return 0;
    (void)snprintf(text, sizeof(text), "pull-request/%.256s/%lld/%.64s", event->repository,
                   (long long)event->once, event->commit);
    hash_sha256_hex(str_of(text), token);
    return json_put_str(one, "token", token);
}

/* What the anchor is to ask git (workers/anchor/README.md). Takes `files`. */
static int changes_put(json_t *one, const struct git_event *event, json_t *files)
{
    bool request = event->kind == GIT_PULL_REQUEST;

    return json_put(one, "gitChanges",
                    json_pack("{s:s, s:s, s:s*, s:s*, s:b, s:b, s:o}", "commit", event->commit, "branch",
                              event->branch, "base", event->base, "baseBranch", request ? event->ref : NULL,
                              "baseParent", event->against == GIT_BASE_PARENT, "fromAncestor", request,
                              "filePaths", files));
}

static int event_append(const struct webhook_target *target, const struct git_event *event, json_t *list,
                        struct reason *why)
{
    CLEANUP(json_free) json_t *files = NULL;
    json_t *in, *one;
    int r;

    if (!git_event_wanted(target->declaration, target->action, event, &files, why))
        return 0;
    in = json_pack("{s:s}", "name", json_str(target->declaration, "name", ""));
    one = in ? json_pack("{s:o}", "in", in) : NULL;
    if (!one || json_array_append_new(list, one))
        return FAULT(ENOMEM);
    r = commit_put(in, target->action, event);
    if (r == 0)
        r = token_put(one, event);
    return r || !files ? r : changes_put(one, event, take(files));
}

static int git_events(const struct webhook_target *target, const struct webhook_event *event,
                      const json_t *document, json_t *list, struct reason *why)
{
    size_t count = git_event_count(&event->git, document);
    int r = 0;

    if (count == 0)
        return reason_set(why, 0, "The event tells of nothing that was pushed.");
    for (size_t i = 0; r == 0 && i < count && json_array_size(list) < WEBHOOK_EVENTS_MAX; i++) {
        struct git_event git;
        bool is;

        r = git_event_read(&event->git, document, i, &git, &is, why);
        if (r == 0 && is)
            r = event_append(target, &git, list, why);
    }
    return r;
}

int webhook_events(const struct webhook_target *target, const struct webhook_event *event,
                   const json_t *document, json_t **ret, struct reason *why)
{
    CLEANUP(json_free) json_t *list = json_array();
    int r = list ? 0 : FAULT(ENOMEM);

    if (r == 0 && source_is_git(json_object_get(target->action, "actionTypeId")))
        r = git_events(target, event, document, list, why);
    else if (r == 0 && json_array_append_new(list, json_pack("{s:{s:s}}", "in", "name",
                                                             json_str(target->declaration, "name", ""))))
        r = FAULT(ENOMEM);
    if (r == 0)
        *ret = take(list);
    return r;
}

int webhook_start(struct tx *tx, const struct platform *platform, const struct webhook *webhook,
                  const json_t *event, char ret_execution_id[ID_UUID_SIZE], struct reason *why)
{
    const json_t *in = json_object_get(event, "in");
    bool git = json_object_get(in, "sourceRevisions") != NULL;
    char arn[WEBHOOK_ARN_SIZE];
    struct trigger trigger = {
        .account = webhook->account,
        .type = git ? "WebhookV2" : "Webhook",
        .detail = arn,
        .who = arn,
        .token = json_str(event, "token", NULL),
    };
    int r;

    webhook_arn(platform, webhook->account, webhook->name, arn);
    r = execution_trigger(tx, platform, &trigger, in, ret_execution_id, why);
    if (r)
        return r;
    return tx_exec(
        tx,
        "UPDATE codepipeline_webhook SET triggered_ms = $3, error_code = NULL, error_message = NULL"
        " WHERE account = $1 AND name = $2",
        "ssi", webhook->account, webhook->name, clock_now_ms());
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

int webhook_note(struct tx *tx, const struct webhook *webhook, const char *code, const char *message)
{
    if (same_text(webhook->error_code, code) && same_text(webhook->error_message, message))
        return 0;
    return tx_exec(tx,
                   "UPDATE codepipeline_webhook SET error_code = $3, error_message = $4"
                   " WHERE account = $1 AND name = $2",
                   "ssss", webhook->account, webhook->name, code, message);
}
