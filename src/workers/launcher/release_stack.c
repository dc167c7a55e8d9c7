/* Keeps a release stack as template and catalog want it. What it was made from is in its tags, so that one
 * look tells whether anything must change. */
#include "workers/launcher/release.h"
#include "base/hash.h"
#include "wire/json.h"
#include "workers/stack.h"
#include <stdio.h>

#define INLINE_TEMPLATE_BYTES 51200
#define ROUNDS_MAX 20
#define TAG_INPUTS "slipway:inputs"

struct wanted {
    const struct template *template;
    json_t *parameters; /* name → text */
    char inputs[HASH_HEX_SIZE];
};

int release_fail(struct release *release, int outcome, const char *event, const char *todo)
{
    release->event = event;
    release->todo = todo;
    return outcome;
}

static char upper_of(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* "qa-2" → "Qa2AccountId" */
static void environment_parameter(const char *name, char ret[64])
{
    size_t len = 0;
    bool upper = true;

    for (const char *c = name; *c && len < 40; c++) {
        if (*c == '-') {
            upper = true;
            continue;
        }
        ret[len++] = upper ? upper_of(*c) : *c;
        upper = false;
    }
    snprintf(ret + len, 64 - len, "AccountId");
}

/* Everything that could be passed: the launcher's own first, so that the catalog may set others only. */
static json_t *parameters_offered(const struct release *release)
{
    const struct catalog_rule *rule = release->rule;
    json_t *all = json_object();
    char name[64];

    if (!all || (rule->parameters && json_object_update(all, (json_t *)rule->parameters)) ||
        json_put_str(all, "AppName", release->names.app) ||
        json_put_str(all, "Branch", release->names.branch) ||
        json_put_str(all, "Suffix", release->names.suffix) ||
        json_put_str(all, "ArtifactBucket", release->bucket) ||
        json_put_str(all, "ArtifactKey", release->key)) {
        json_decref(all);
        return NULL;
    }
    for (size_t i = 0; i < rule->environment_count; i++) {
        environment_parameter(rule->environments[i]->name, name);
        if (json_put_str(all, name, rule->environments[i]->account)) {
            json_decref(all);
            return NULL;
        }
    }
    return all;
}

static int parameters_choose(struct release *release, const struct template *template, json_t *ret)
{
    CLEANUP(json_free) json_t *offered = parameters_offered(release);
    const char *name;
    json_t *declaration, *value;

    if (!offered)
        return FAULT(ENOMEM);
    json_object_foreach (template->parameters, name, declaration) {
        value = json_object_get(offered, name);
        if (value) {
            if (json_object_set(ret, name, value))
                return FAULT(ENOMEM);
            continue;
        }
        if (json_object_get(declaration, "Default"))
            continue;
        reason_set(&release->why, 0,
                   "template '%s' declares parameter %s without a Default, and rule '%s' does not give it",
                   release->rule->template, name, release->rule->name);
        return release_fail(release, WORK_E_FAILED, "template-failed",
                            "give the parameter in the catalog's rule, or a Default in the template");
    }
    return 0;
}

static int inputs_digest(struct wanted *wanted)
{
    CLEANUP(free_ptr) char *parameters = json_text(wanted->parameters);
    CLEANUP(hash_free) struct hash *hash = hash_new(HASH_SHA256);
    unsigned char digest[HASH_MAX_SIZE];

    if (!parameters || !hash)
        return FAULT(ENOMEM);
    hash_update(hash, wanted->template->text, wanted->template->len);
    hash_update(hash, "", 1);
    hash_update(hash, parameters, strlen(parameters));
    hash_final(hash, digest);
    hex_encode(digest, 32, wanted->inputs);
    return 0;
}

static json_t *tags_make(const struct release *release, const struct wanted *wanted)
{
    const struct {
        const char *key;
        const char *value;
    } tags[] = {
        {"slipway:account", release->names.account},
        {"slipway:app", release->names.app},
        {"slipway:branch", release->names.branch},
        {"slipway:rule", release->rule->name},
        {"slipway:template", release->rule->template},
        {"slipway:template-version", wanted->template->version_id},
        {TAG_INPUTS, wanted->inputs},
    };
    json_t *list = json_array();

    for (size_t i = 0; list && i < ARRAY_LEN(tags); i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "Key", tags[i].key, "Value", tags[i].value));
    return list;
}

static json_t *parameters_make(const json_t *parameters)
{
    json_t *list = json_array();
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)parameters, name, value)
        json_array_append_new(list, json_pack("{s:s, s:O}", "ParameterKey", name, "ParameterValue", value));
    return list;
}

static int template_put(const struct release *release, const struct wanted *wanted, json_t *in)
{
    const char *endpoint = aws_client_endpoint(release->releaser->client);
    CLEANUP(free_ptr) char *url = NULL;

    if (wanted->template->len <= INLINE_TEMPLATE_BYTES)
        return json_put_str(in, "TemplateBody", wanted->template->text);
    if (asprintf(&url, "%s/%s/templates/%s.yaml?versionId=%s",
                 endpoint ? endpoint : "https://s3.amazonaws.com", CATALOG_BUCKET, release->rule->template,
                 wanted->template->version_id) < 0)
        return FAULT(ENOMEM);
    return json_put_str(in, "TemplateURL", url);
}

static int operation(struct release *release, const struct wanted *wanted, const char *name)
{
    struct aws_error error = {0};
    json_t *in = json_pack("{s:s, s:[s,s,s], s:o, s:o}", "StackName", release->names.stack, "Capabilities",
                           "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND", "Parameters",
                           parameters_make(wanted->parameters), "Tags", tags_make(release, wanted));
    int r = in ? template_put(release, wanted, in) : FAULT(ENOMEM);

    if (r) {
        json_decref(in);
        return r;
    }
    r = work_call(release->releaser->client, "cloudformation", name, in, NULL, &error, &release->why);
    if (r == WORK_E_FAILED && stack_says_no_change(error.message))
        return WORK_E_UNCHANGED;
    if (r == WORK_E_FAILED && strcmp(error.code, "AlreadyExistsException") == 0)
        return 0;
    if (r == WORK_E_FAILED)
        return release_fail(release, r, "template-failed",
                            "correct the release template or the catalog, then push again");
    return r;
}

static int stack_failed(struct release *release, const json_t *stack)
{
    struct reason cause = {0};
    int r = stack_explain(release->releaser->client, release->names.stack, &cause);

    if (r)
        return r;
    reason_set(&release->why, 0, "release stack %s is %s: %s", release->names.stack, stack_status(stack),
               cause.text);
    return release_fail(release, WORK_E_FAILED, "template-failed",
                        "correct the release template or the catalog, then push again");
}

static bool is_as_wanted(const json_t *stack, const struct wanted *wanted)
{
    return stack_state(stack_status(stack)) == STACK_GOOD &&
           strcmp(stack_tag(stack, TAG_INPUTS), wanted->inputs) == 0;
}

enum next { NEXT_DONE, NEXT_CREATE, NEXT_UPDATE, NEXT_REMOVE, NEXT_GIVE_UP };

/* What the stack as it stands asks for; `tried`: this visit has made or updated it already. */
static enum next next_of(const json_t *stack, const struct wanted *wanted, bool tried)
{
    if (!stack)
        return tried ? NEXT_GIVE_UP : NEXT_CREATE;
    if (is_as_wanted(stack, wanted))
        return NEXT_DONE;
    if (tried)
        return NEXT_GIVE_UP;
    switch (stack_state(stack_status(stack))) {
    case STACK_GOOD:
    case STACK_BACK:
        return NEXT_UPDATE;
    case STACK_BROKEN:
    case STACK_REVIEW:
        return NEXT_REMOVE;
    case STACK_BUSY:
    case STACK_STUCK:
    case STACK_GONE:
        break;
    }
    return NEXT_GIVE_UP;
}

/* One look and one step. *ret_done when the stack is as wanted. */
static int round_run(struct release *release, const struct wanted *wanted, bool *tried, bool *ret_done,
                     json_t **ret_stack)
{
    struct aws_client *client = release->releaser->client;
    CLEANUP(json_free) json_t *stack = NULL;
    int r = *tried ? stack_settle_changed(client, release->names.stack, &stack, &release->why)
                   : stack_settle_asked(client, release->names.stack, &release->ahead.stack, &stack,
                                        &release->why);

    if (r && r != WORK_E_ABSENT)
        return r;
    switch (next_of(stack, wanted, *tried)) {
    case NEXT_DONE:
        *ret_done = true;
        *ret_stack = take(stack);
        return 0;
    case NEXT_CREATE:
        *tried = true;
        return operation(release, wanted, "CreateStack");
    case NEXT_UPDATE:
        r = operation(release, wanted, "UpdateStack");
        *tried = true;
        if (r != WORK_E_UNCHANGED)
            return r;
        *ret_done = true;
        *ret_stack = take(stack);
        return 0;
    case NEXT_REMOVE:
        return stack_remove(client, release->names.stack, true, NULL, &release->why);
    case NEXT_GIVE_UP:
        break;
    }
    return stack ? stack_failed(release, stack) : WORK_E_RETRY;
}

int release_stack_ensure(struct release *release, json_t **ret_stack)
{
    CLEANUP(source_unref) struct source *source = NULL;
    CLEANUP(json_free) json_t *parameters = json_object();
    struct wanted wanted = {.parameters = parameters};
    bool tried = false, done = false;
    int r = ahead_template(release, &source);

    if (r == WORK_E_ABSENT || r == WORK_E_FAILED)
        return release_fail(release, WORK_E_FAILED, "template-failed",
                            "upload the release template (slipway template put NAME FILE), then push again");
    if (r)
        return r;
    wanted.template = source_template(source);
    r = parameters ? parameters_choose(release, wanted.template, parameters) : FAULT(ENOMEM);
    if (r == 0)
        r = inputs_digest(&wanted);
    for (int i = 0; r == 0 && !done && i < ROUNDS_MAX; i++)
        r = round_run(release, &wanted, &tried, &done, ret_stack);
    if (r || done)
        return r;
    reason_set(&release->why, 0, "release stack %s does not come to rest", release->names.stack);
    return WORK_E_RETRY;
}
