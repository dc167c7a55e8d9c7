/* An event that comes to a webhook's URL: whose is it, may its sender, does it pass, then the pipeline
 * starts.
 *
 * Nothing is written for who does not know a URL. A write transaction begins only for an event that starts
 * something, or to keep why it did not. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/git_look.h"
#include "services/codepipeline/webhook.h"

static int find(struct call *c, struct tx *tx, struct webhook *ret)
{
    struct str token = uri_get(&c->query, "t");
    char *text = token.len > 0 && token.len < WEBHOOK_TOKEN_SIZE ? arena_dup(c->arena, token) : NULL;
    int r = text ? webhook_find_token(tx, text, ret) : DB_NONE;

    return r == DB_NONE ? call_fail(c, PIPELINE_E_HOOK_UNKNOWN,
                                    "No webhook has this URL: it was deleted, or the URL is not complete.")
                        : r;
}

/* Who knows no URL has no body read. */
int codepipeline_expect_event(struct call *c)
{
    CLEANUP(webhook_unload) struct webhook webhook = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    int r = call_read(c, &tx);

    return r ? r : find(c, tx, &webhook);
}

/* GitHub sends JSON, or a form whose field `payload` is JSON: its webhooks' default. */
static int document_text(struct call *c, struct str *ret)
{
    struct str type = http_header(c->http, "content-type");
    struct uri_query form;
    int r;

    *ret = buf_str(&c->http->body);
    if (!str_starts(type, STR("application/x-www-form-urlencoded")))
        return 0;
    r = uri_parse_query(c->arena, *ret, true, &form);
    if (r == 0)
        *ret = uri_get(&form, "payload");
    return r;
}

static int parse(struct call *c, json_t **ret)
{
    struct reason words = {0};
    struct str text;
    int r = document_text(c, &text);

    if (r == URI_E_BAD)
        return call_fail(c, PIPELINE_E_HOOK_BODY, "The event is a form that cannot be read.");
    if (r == 0)
        r = json_parse(text, ret, &words);
    return r > 0 ? call_fail(c, PIPELINE_E_HOOK_BODY,
                             "The event is not JSON (%s): let its sender send application/json.", words.text)
                 : r;
}

/* *ret: what the event starts (webhook_events); NULL or empty: nothing. */
static int judge(struct call *c, struct tx *tx, const struct webhook *webhook, json_t **ret)
{
    const struct webhook_event event = {
        .body = buf_str(&c->http->body),
        .peer = c->http->peer,
        .signature_256 = http_header(c->http, "x-hub-signature-256"),
        .signature = http_header(c->http, "x-hub-signature"),
        .gitlab_token = http_header(c->http, "x-gitlab-token"),
        .git = {.event = {[GIT_GITHUB] = http_header(c->http, "x-github-event"),
                          [GIT_GITLAB] = http_header(c->http, "x-gitlab-event"),
                          [GIT_BITBUCKET] = http_header(c->http, "x-event-key")}},
    };
    CLEANUP(webhook_target_unload) struct webhook_target target = {0};
    CLEANUP(json_free) json_t *document = NULL;
    bool passes = false;
    int r = webhook_authenticate(webhook, &event, &c->reason);

    if (r == 0)
        r = webhook_target(tx, webhook->account, webhook->definition, &target, &c->reason);
    if (r == 0)
        r = parse(c, &document);
    if (r == 0)
        r = webhook_filter(webhook, json_object_get(target.action, "configuration"), document, &passes,
                           &c->reason);
    return r || !passes ? r : webhook_events(&target, &event, document, ret, &c->reason);
}

/* What ListWebhooks shows as errorCode is the code that the sender is told. */
static const char *code_of(const struct call *c, int outcome)
{
    const struct service_error *row = service_error_of(c->service, outcome);
    return row ? row->code : "InternalFailure";
}

static int note(const struct call *c, const struct webhook *webhook, int outcome)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int r;

    if (webhook->error_message && strcmp(webhook->error_message, c->reason.text) == 0)
        return outcome;
    r = db_begin(c->platform->db, &tx);
    if (r == 0)
        r = webhook_note(tx, webhook, code_of(c, outcome), c->reason.text);
    if (r == 0)
        r = db_commit(&tx);
    return r ? r : outcome;
}

static int start_one(struct call *c, struct tx *tx, const struct webhook *webhook, const json_t *event,
                     json_t *ids)
{
    char id[ID_UUID_SIZE];
    int r;

    if (json_object_get(event, "gitChanges"))
        return git_look_ask(tx, c->platform, webhook, event, &c->reason);
    r = webhook_start(tx, c->platform, webhook, event, id, &c->reason);
    return r == 0 && json_array_append_new(ids, json_string(id)) ? FAULT(ENOMEM) : r;
}

/* All that the event starts, or nothing. */
static int start(struct call *c, const struct webhook *webhook, const json_t *events, json_t *ids)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(webhook_unload) struct webhook now = {0};
    const json_t *event;
    size_t i;
    int r = db_begin(c->platform->db, &tx);

    if (r == 0)
        r = find(c, tx, &now);
    json_array_foreach (events, i, event)
        if (r == 0)
            r = start_one(c, tx, webhook, event, ids);
    return r ? r : db_commit(&tx);
}

static int answer(struct call *c, const struct webhook *webhook, size_t events, json_t *ids)
{
    size_t started = json_array_size(ids);
    int r = json_put_str(c->out, "webhook", webhook->name);

    c->status = events > 0 ? 202 : 200;
    if (r == 0)
        r = json_put_bool(c->out, "started", started > 0);
    if (r == 0 && started == 0)
        return json_put_str(c->out, "reason",
                            events > 0 ? "Git is asked which files were changed, which the trigger's "
                                         "filePaths decide by: the pipeline's history tells if it is not "
                                         "started."
                                       : c->reason.text);
    if (r == 0)
        r = json_put_str(c->out, "pipelineName", json_str(webhook->definition, "targetPipeline", ""));
    if (r == 0)
        r = json_put(c->out, "pipelineExecutionId", json_incref(json_array_get(ids, 0)));
    return r || started == 1 ? r : json_put(c->out, "pipelineExecutionIds", json_incref(ids));
}

int codepipeline_receive_event(struct call *c)
{
    CLEANUP(webhook_unload) struct webhook webhook = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(json_free) json_t *events = NULL;
    CLEANUP(json_free) json_t *ids = json_array();
    int r = ids ? db_read(c->platform->db, &tx) : FAULT(ENOMEM);

    if (r == 0)
        r = find(c, tx, &webhook);
    if (r)
        return r;
    r = judge(c, tx, &webhook, &events);
    db_end(&tx);
    if (r == 0 && json_array_size(events) > 0)
        r = start(c, &webhook, events, ids);
    if (r > 0 && r != PIPELINE_E_HOOK_UNKNOWN)
        return note(c, &webhook, r);
    return r ? r : answer(c, &webhook, json_array_size(events), ids);
}
