/* Webhooks as their owner sees them: put, shown, listed, deleted.
 * Source: CodePipeline API Reference, PutWebhook, WebhookDefinition, ListWebhookItem. */
#include "services/codepipeline/webhook.h"
#include "base/clock.h"
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/shapes.h"
#include "wire/ip_range.h"
#include "wire/json.h"
#include "wire/json_select.h"
#include <stdio.h>

#define COLUMNS "account, name, token, definition, triggered_ms, error_code, error_message"
#define REDACTED "****" /* what AWS shows of a secret */

void webhook_unload(struct webhook *webhook)
{
    json_free(&webhook->definition);
    free(take(webhook->error_code));
    free(take(webhook->error_message));
}

void webhook_arn(const struct platform *platform, const char *account, const char *name,
                 char ret[WEBHOOK_ARN_SIZE])
{
    snprintf(ret, WEBHOOK_ARN_SIZE, "arn:aws:codepipeline:%s:%s:webhook:%s", platform->region, account, name);
}

/* ---- rows */

static int text_column(struct rows *rows, int column, char **ret)
{
    if (rows_null(rows, column))
        return 0;
    *ret = str_dup(rows_str(rows, column));
    return *ret ? 0 : FAULT(ENOMEM);
}

static int webhook_read(struct rows *rows, struct webhook *ret)
{
    int r = json_parse(rows_str(rows, 3), &ret->definition, NULL);

    str_copy(ret->account, sizeof(ret->account), rows_text(rows, 0));
    str_copy(ret->name, sizeof(ret->name), rows_text(rows, 1));
    str_copy(ret->token, sizeof(ret->token), rows_text(rows, 2));
    ret->triggered_ms = rows_int(rows, 4);
    if (r == 0)
        r = text_column(rows, 5, &ret->error_code);
    if (r == 0)
        r = text_column(rows, 6, &ret->error_message);
    return r > 0 ? FAULT(EBADMSG) : r;
}

int webhook_find(struct tx *tx, const char *account, const char *name, struct webhook *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows,
                         "SELECT " COLUMNS " FROM codepipeline_webhook WHERE account = $1 AND name = $2",
                         "ss", account, name);

    return r ? r : webhook_read(rows, ret);
}

int webhook_find_token(struct tx *tx, const char *token, struct webhook *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r =
        tx_query_row(tx, &rows, "SELECT " COLUMNS " FROM codepipeline_webhook WHERE token = $1", "s", token);

    return r ? r : webhook_read(rows, ret);
}

int webhook_targets(struct tx *tx, const char *account, const char *pipeline, const char *action)
{
    CLEANUP(rows_close) struct rows *rows = NULL;

    return tx_query_row(tx, &rows,
                        "SELECT 1 FROM codepipeline_webhook WHERE account = $1"
                        " AND json_extract(definition, '$.targetPipeline') = $2"
                        " AND json_extract(definition, '$.targetAction') = $3 LIMIT 1",
                        "sss", account, pipeline, action);
}

/* ---- shown */

static int definition_show(const struct webhook *webhook, json_t *item)
{
    json_t *definition = json_deep_copy(webhook->definition);
    json_t *authentication = json_object_get(definition, "authenticationConfiguration");
    int r = definition ? json_put(item, "definition", definition) : FAULT(ENOMEM);

    if (r == 0 && json_object_get(authentication, "SecretToken"))
        r = json_put_str(authentication, "SecretToken", REDACTED);
    return r;
}

int webhook_show(struct tx *tx, const struct platform *platform, const struct webhook *webhook, json_t **ret)
{
    CLEANUP(json_free) json_t *item = json_object();
    json_t *tags = NULL;
    char arn[WEBHOOK_ARN_SIZE];
    int r = item ? definition_show(webhook, item) : FAULT(ENOMEM);

    webhook_arn(platform, webhook->account, webhook->name, arn);
    if (r == 0)
        r = json_put_format(item, "url", "%s" WEBHOOK_PATH "?t=%s&v=1", platform->endpoint, webhook->token);
    if (r == 0)
        r = json_put_str(item, "arn", arn);
    if (r == 0 && webhook->triggered_ms)
        r = json_put_int(item, "lastTriggered", webhook->triggered_ms);
    if (r == 0 && webhook->error_code)
        r = json_put_str(item, "errorCode", webhook->error_code);
    if (r == 0 && webhook->error_message)
        r = json_put_str(item, "errorMessage", webhook->error_message);
    if (r == 0)
        r = tags_list(tx, arn, &tags);
    if (r == 0)
        r = json_put(item, "tags", tags);
    if (r == 0)
        *ret = take(item);
    return r;
}

int webhook_list(struct tx *tx, const struct platform *platform, const char *account, const char *after,
                 int64_t max, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int r = list ? tx_query(tx, &rows,
                            "SELECT " COLUMNS " FROM codepipeline_webhook WHERE account = $1 AND name > $2"
                            " ORDER BY name LIMIT $3",
                            "ssi", account, after, max)
                 : FAULT(ENOMEM);

    while (r == 0 && (r = rows_next(rows)) == 0) {
        CLEANUP(webhook_unload) struct webhook webhook = {0};
        json_t *item = NULL;

        r = webhook_read(rows, &webhook);
        if (r == 0)
            r = webhook_show(tx, platform, &webhook, &item);
        if (r == 0 && json_array_append_new(list, item))
            r = FAULT(ENOMEM);
    }
    if (r != DB_NONE)
        return r;
    *ret = take(list);
    return 0;
}

/* ---- checked */

/* What each authentication needs, and takes no other. */
static const struct {
    const char *authentication;
    const char *needs; /* NULL: nothing */
} authentications[] = {
    {"GITHUB_HMAC", "SecretToken"},
    {"IP", "AllowedIPRange"},
    {"UNAUTHENTICATED", NULL},
};

static int properties_check(const char *authentication, const char *needs, const json_t *configuration,
                            struct reason *why)
{
    static const char *const properties[] = {"SecretToken", "AllowedIPRange"};

    for (size_t i = 0; i < ARRAY_LEN(properties); i++) {
        bool given = json_object_get(configuration, properties[i]) != NULL;
        bool needed = needs && strcmp(needs, properties[i]) == 0;

        if (given != needed)
            return reason_set(why, PIPELINE_E_WEBHOOK_AUTHENTICATION,
                              needed ? "Authentication %s needs %s in authenticationConfiguration."
                                     : "Authentication %s takes no %s in authenticationConfiguration.",
                              authentication, properties[i]);
    }
    return 0;
}

static int authentication_check(const json_t *definition, struct reason *why)
{
    const json_t *configuration = json_object_get(definition, "authenticationConfiguration");
    const char *authentication = json_str(definition, "authentication", "");
    const char *range = json_str(configuration, "AllowedIPRange", NULL);
    struct ip_range parsed;
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(authentications); i++)
        if (strcmp(authentications[i].authentication, authentication) == 0)
            r = properties_check(authentication, authentications[i].needs, configuration, why);
    if (r)
        return r;
    if (range && !ip_range_parse(str_of(range), &parsed))
        return reason_set(why, PIPELINE_E_WEBHOOK_AUTHENTICATION,
                          "The AllowedIPRange '%s' is not a CIDR range such as 192.30.252.0/22.", range);
    if (strcmp(json_str(configuration, "SecretToken", ""), REDACTED) == 0)
        return reason_set(why, PIPELINE_E_WEBHOOK_AUTHENTICATION,
                          "The SecretToken is what ListWebhooks shows in a secret's place: give the secret.");
    return 0;
}

static int filters_check(const json_t *definition, const json_t *configuration, struct reason *why)
{
    const json_t *filter;
    size_t i;

    json_array_foreach (json_object_get(definition, "filters"), i, filter) {
        const char *match = json_str(filter, "matchEquals", NULL);
        CLEANUP(buf_free) struct buf filled = BUF_INIT(0);
        struct reason words = {0};
        int r = json_select_check(str_of(json_str(filter, "jsonPath", "")), &words);

        if (r > 0)
            return reason_set(why, PIPELINE_E_WEBHOOK_FILTER, "Filter %zu: %s.", i + 1, words.text);
        if (r == 0 && match)
            r = webhook_match_fill(match, configuration, &filled, why);
        if (r)
            return r;
    }
    return 0;
}

static int definition_check(struct tx *tx, const char *account, const json_t *definition, struct reason *why)
{
    CLEANUP(webhook_target_unload) struct webhook_target target = {0};
    int r = shape_validate(&shape_webhook_definition, definition, why);

    if (r)
        return r == CALL_INVALID ? PIPELINE_E_INVALID : r;
    r = authentication_check(definition, why);
    if (r == 0)
        r = webhook_target(tx, account, definition, &target, why);
    return r ? r : filters_check(definition, json_object_get(target.action, "configuration"), why);
}

/* ---- put, deleted */

static int room_check(struct tx *tx, const char *account, struct reason *why)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r =
        tx_query_row(tx, &rows, "SELECT COUNT(*) FROM codepipeline_webhook WHERE account = $1", "s", account);

    if (r)
        return r;
    if (rows_int(rows, 0) > WEBHOOKS_MAX)
        return reason_set(why, PIPELINE_E_LIMIT, "Account '%s' has %d webhooks, which is the most.", account,
                          WEBHOOKS_MAX);
    return 0;
}

static int webhook_store(struct tx *tx, const char *account, const json_t *definition, struct reason *why)
{
    CLEANUP(free_ptr) char *text = json_text(definition);
    const char *name = json_str(definition, "name", "");
    char token[WEBHOOK_TOKEN_SIZE];
    int64_t now_ms = clock_now_ms();
    int r;

    if (!text)
        return FAULT(ENOMEM);
    id_base62(token, sizeof(token) - 1);
    r = tx_exec(
        tx,
        "INSERT INTO codepipeline_webhook (account, name, token, definition, triggered_ms, created_ms,"
        " updated_ms) VALUES ($1, $2, $3, $4, 0, $5, $5)"
        " ON CONFLICT (account, name) DO UPDATE SET definition = excluded.definition,"
        " updated_ms = excluded.updated_ms, error_code = NULL, error_message = NULL",
        "ssssi", account, name, token, text, now_ms);
    return r ? r : room_check(tx, account, why);
}

int webhook_put(struct tx *tx, const struct platform *platform, const char *account, const json_t *definition,
                const json_t *tags, json_t **ret, struct reason *why)
{
    CLEANUP(webhook_unload) struct webhook webhook = {0};
    const char *name = json_str(definition, "name", "");
    char arn[WEBHOOK_ARN_SIZE];
    int r = definition_check(tx, account, definition, why);

    if (r)
        return r;
    webhook_arn(platform, account, name, arn);
    r = webhook_store(tx, account, definition, why);
    if (r == 0 && tags)
        r = tags_put(tx, arn, tags, why);
    if (r == 0)
        r = webhook_find(tx, account, name, &webhook);
    return r ? r : webhook_show(tx, platform, &webhook, ret);
}

int webhook_delete(struct tx *tx, const struct platform *platform, const char *account, const char *name)
{
    char arn[WEBHOOK_ARN_SIZE];
    int r =
        tx_exec(tx, "DELETE FROM codepipeline_webhook WHERE account = $1 AND name = $2", "ss", account, name);

    webhook_arn(platform, account, name, arn);
    return r ? r : tx_exec(tx, "DELETE FROM codepipeline_tag WHERE arn = $1", "s", arn);
}
