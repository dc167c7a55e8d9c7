/* Where templates come from, GetTemplate, GetTemplateSummary, ValidateTemplate. */
#include "base/io.h"
#include "services/cloudformation/api.h"
#include "services/cloudformation/graph.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/parameters.h"
#include "services/cloudformation/scope.h"
#include "services/s3/access.h"
#include "services/s3/blob.h"
#include "services/s3/object.h"
#include "services/s3/s3.h"
#include "wire/json.h"

/* ---- TemplateURL: an object of ours, by path-style or virtual-hosted URL */

struct place {
    const char *bucket;
    const char *key;
    const char *version_id;
};

static bool is_virtual_host(struct str host)
{
    static const char *const marks[] = {".s3.", ".s3-"};

    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (memmem(host.ptr, host.len, marks[i], 4))
            return true;
    return false;
}

static int url_parse(struct call *c, const char *url, struct place *ret)
{
    const char *after = strstr(url, "://");
    struct str query = str_of(after ? after + 3 : "");
    struct str path = str_split(&query, '?');
    struct str host = str_split(&path, '/');
    struct str bucket = host, key;
    struct uri_query pairs;

    if (!after || !path.ptr)
        return call_fail(c, STACK_E_INVALID, "TemplateURL must be a supported URL of an S3 object.");
    if (is_virtual_host(host))
        bucket.len = (size_t)((char *)memmem(host.ptr, host.len, ".s3", 3) - host.ptr);
    else if (str_starts(str_of(url), STR("s3://")))
        bucket = host;
    else
        bucket = str_split(&path, '/');
    int err = path.ptr ? uri_decode(c->arena, path, false, &key) : URI_E_BAD;
    if (!err)
        err = uri_parse_query(c->arena, query.ptr ? query : STR(""), false, &pairs);
    if (err > 0)
        return call_fail(c, STACK_E_INVALID, "TemplateURL must be a supported URL of an S3 object.");
    if (err)
        return err;
    struct str version = uri_get(&pairs, "versionId");
    ret->bucket = arena_dup(c->arena, bucket);
    ret->key = key.ptr;
    ret->version_id = version.ptr;
    return ret->bucket ? 0 : FAULT(ENOMEM);
}

static int take_some(void *ctx, const void *bytes, size_t len)
{
    char **to = ctx;
    memcpy(*to, bytes, len);
    *to += len;
    return 0;
}

static int read_blob(struct call *c, const struct object *object, const char **ret)
{
    CLEANUP(blob_source_deinit) struct blob_source source = {.fd = -1};
    char *bytes = arena_alloc(c->arena, (size_t)object->size + 1);

    if (!bytes)
        return FAULT(ENOMEM);
    int err = blob_open(c->tx, c->platform, object->blob, &source);
    if (err)
        return err;
    char *to = bytes;
    *ret = bytes;
    return blob_each(&source, 0, object->size, take_some, &to);
}

/* What is at a URL is read for the caller, who must be let read it. */
static int find(struct call *c, const struct place *place, struct object *ret)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    const struct access access = {place->version_id ? "s3:GetObjectVersion" : "s3:GetObject", place->key,
                                  place->version_id};
    int err = bucket_load(c->tx, place->bucket, &bucket, NULL);

    if (!err)
        err = access_check(c, c->tx, &bucket, &access);
    if (err == S3_E_DENIED)
        return call_fail(c, STACK_E_INVALID, "S3 error: Access Denied");
    if (!err)
        err = object_find(c->tx, place->bucket, place->key, place->version_id, ret);
    if (err > 0 || (err == 0 && ret->marker))
        return call_fail(c, STACK_E_INVALID, "S3 error: the object %.300s of bucket %.63s does not exist",
                         place->key, place->bucket);
    return err;
}

int cf_body_at_url(struct call *c, const char *url, const char **ret)
{
    struct place place = {NULL, NULL, NULL};
    CLEANUP(object_unload) struct object object = {.sequence = 0};
    int err = url_parse(c, url, &place);

    if (err)
        return err;
    err = find(c, &place, &object);
    if (err)
        return err;
    if (object.size > TEMPLATE_URL_MAX)
        return call_fail(c, STACK_E_INVALID, "Template may not exceed %d bytes in size.", TEMPLATE_URL_MAX);
    err = read_blob(c, &object, ret);
    if (err > 0)
        return call_fail(c, STACK_E_INVALID,
                         "S3 error: the bytes of object %.300s of bucket %.63s are damaged: put it again",
                         place.key, place.bucket);
    return err;
}

int cf_body(struct call *c, bool may_be_previous, const char **ret)
{
    const char *body = json_str(c->in, "TemplateBody", NULL);
    const char *url = json_str(c->in, "TemplateURL", NULL);
    bool previous = json_bool(c->in, "UsePreviousTemplate", false);

    if ((body != NULL) + (url != NULL) + (may_be_previous && previous) != 1)
        return call_fail(c, STACK_E_INVALID, "%s",
                         may_be_previous
                             ? "Specify exactly one of TemplateBody, TemplateURL and UsePreviousTemplate."
                             : "Either Template URL or Template Body must be specified.");
    *ret = NULL;
    if (body && strlen(body) > TEMPLATE_BODY_MAX)
        return call_fail(
            c, STACK_E_INVALID,
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must "
            "have length less than or equal to %d",
            TEMPLATE_BODY_MAX);
    if (url)
        return cf_body_at_url(c, url, ret);
    *ret = body;
    return 0;
}

/* ---- operations */

static int stored_body(struct call *c, const char *digest, const char **ret)
{
    CLEANUP(free_ptr) char *body = NULL;
    int err = template_load(c->tx, digest, &body);

    if (err)
        return err;
    *ret = arena_dup(c->arena, str_of(body));
    return *ret ? 0 : FAULT(ENOMEM);
}

static int change_set_digest(struct call *c, const char **ret)
{
    CLEANUP(json_free) json_t *set = NULL;
    struct stack_request r = cf_request(c);
    int err = change_set_find(&r, &set);

    if (err)
        return err;
    *ret = arena_dup(c->arena, str_of(json_str(json_object_get(set, "target"), "Template", "")));
    return *ret ? 0 : FAULT(ENOMEM);
}

int cf_get_template(struct call *c)
{
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    const char *digest = NULL, *body = NULL;
    int err;

    if (json_object_get(c->in, "ChangeSetName")) {
        err = change_set_digest(c, &digest);
    } else if (!json_object_get(c->in, "StackName")) {
        return call_fail(c, STACK_E_INVALID, "StackName or ChangeSetName must be specified.");
    } else {
        err = cf_stack(c, &stack);
        digest = json_str(stack.doc, "Template", NULL);
    }
    if (!err && digest)
        err = stored_body(c, digest, &body);
    if (!err)
        err = json_put_str(c->out, "TemplateBody", body ? body : "");
    return err ? err : json_put(c->out, "StagesAvailable", json_pack("[s, s]", "Original", "Processed"));
}

static json_t *declared(const char *name, const json_t *declaration)
{
    CLEANUP(json_free) json_t *fallback = scope_text(json_object_get(declaration, "Default"));
    json_t *item =
        json_pack("{s:s, s:s, s:b, s:s*, s:O*}", "ParameterKey", name, "ParameterType",
                  json_str(declaration, "Type", ""), "NoEcho", parameter_no_echo(declaration), "Description",
                  json_str(declaration, "Description", NULL), "DefaultValue", fallback);
    const json_t *allowed = json_object_get(declaration, "AllowedValues");
    size_t index;
    json_t *value;

    if (!item || !allowed)
        return item;
    json_t *texts = json_array();
    json_array_foreach (allowed, index, value)
        json_array_append_new(texts, scope_text(value));
    (void)json_put(item, "ParameterConstraints", json_pack("{s:o}", "AllowedValues", texts));
    return item;
}

static int put_parameters(struct call *c, const struct template *t)
{
    json_t *list = json_array();
    const char *name;
    json_t *declaration;

    json_object_foreach ((json_t *)(uintptr_t)t->parameters, name, declaration)
        if (json_array_append_new(list, declared(name, declaration))) {
            json_decref(list);
            return FAULT(ENOMEM);
        }
    return json_put(c->out, "Parameters", list);
}

int cf_summary(struct call *c, struct template *t)
{
    json_t *needed = NULL;
    CLEANUP(json_free) json_t *types = NULL;
    int err = put_parameters(c, t);

    if (!err && t->description)
        err = json_put_str(c->out, "Description", t->description);
    if (!err)
        err = template_capabilities(t, &needed, &types);
    if (!err && json_array_size(types)) {
        CLEANUP(free_ptr) char *names = json_text(types);
        err = names ? json_put_format(c->out, "CapabilitiesReason",
                                      "The following resource(s) require capabilities: %s", names)
                    : FAULT(ENOMEM);
    }
    if (!err)
        err = json_put(c->out, "Capabilities", json_incref(needed));
    json_decref(needed);
    if (!err && t->language_extensions)
        err = json_put(c->out, "DeclaredTransforms", json_pack("[s]", "AWS::LanguageExtensions"));
    return err;
}

static int parse_checked(struct call *c, const char *body, struct template **ret)
{
    int err = template_parse(str_of(body), ret, &c->reason);

    if (!err)
        err = parameters_check(*ret, &c->reason);
    return err ? err : graph_check(*ret, &c->reason);
}

int cf_validate_template(struct call *c)
{
    CLEANUP(template_free) struct template *t = NULL;
    const char *body = NULL;
    int err = cf_body(c, false, &body);

    if (!err)
        err = parse_checked(c, body, &t);
    return err ? err : cf_summary(c, t);
}

static int put_types(struct call *c, const struct template *t)
{
    CLEANUP(json_free) json_t *seen = json_object();
    json_t *list = json_array();
    const char *id;
    json_t *resource;
    int err = 0;

    json_object_foreach ((json_t *)(uintptr_t)t->resources, id, resource) {
        const char *type = json_str(resource, "Type", "");
        if (!err && !json_object_get(seen, type) &&
            (json_object_set_new(seen, type, json_true()) || json_array_append_new(list, json_string(type))))
            err = FAULT(ENOMEM);
    }
    int put = json_put(c->out, "ResourceTypes", list);
    return err ? err : put;
}

int cf_get_template_summary(struct call *c)
{
    CLEANUP(template_free) struct template *t = NULL;
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    const char *body = NULL;
    int err;

    if (json_object_get(c->in, "StackName")) {
        err = cf_stack(c, &stack);
        const char *digest = json_str(stack.doc, "Template", NULL);
        if (!err && !digest)
            return call_fail(c, STACK_E_INVALID, "Stack %s has no template yet", stack.name);
        if (!err)
            err = stored_body(c, digest, &body);
    } else {
        err = cf_body(c, false, &body);
    }
    if (!err)
        err = parse_checked(c, body, &t);
    if (!err)
        err = cf_summary(c, t);
    if (!err)
        err = json_put_str(c->out, "Version", "2010-09-09");
    json_t *metadata = t ? json_object_get(t->root, "Metadata") : NULL;
    if (!err && metadata) {
        CLEANUP(free_ptr) char *text = json_text(metadata);
        err = text ? json_put_str(c->out, "Metadata", text) : FAULT(ENOMEM);
    }
    return err ? err : put_types(c, t);
}
