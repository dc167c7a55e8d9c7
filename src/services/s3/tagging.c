/* See tagging.h. Source: S3 user guide, "Categorizing your objects using tags"; S3's own messages. */
#include "services/s3/tagging.h"
#include "services/s3/tag.h"
#include "wire/json.h"
#include "wire/uri.h"

#define TAGS_MAX 10

static int bad_key(struct call *c, struct str key, const char *says)
{
    call_error_text(c, "TagKey", key);
    return call_fail(c, S3_E_TAG, "%s", says);
}

static int bad_value(struct call *c, struct str key, struct str value)
{
    call_error_text(c, "TagKey", key);
    call_error_text(c, "TagValue", value);
    return call_fail(c, S3_E_TAG, "The TagValue you have provided is invalid");
}

static int add(struct call *c, json_t *tags, struct str key, struct str value)
{
    if (!tag_key_good(key))
        return bad_key(c, key, "The TagKey you have provided is invalid");
    if (!tag_value_good(value))
        return bad_value(c, key, value);
    if (tag_key_is_aws(key))
        return bad_key(c, key, "Your TagKey cannot be prefixed with aws:");
    json_t *text = json_stringn(value.ptr, value.len);
    if (!text)
        return bad_value(c, key, value);
    if (json_object_setn_new(tags, key.ptr, key.len, text) != 0)
        return bad_key(c, key, "The TagKey you have provided is invalid");
    return json_object_size(tags) <= TAGS_MAX
               ? 0
               : call_fail(c, S3_E_TAG_COUNT, "Object tags cannot be greater than %d", TAGS_MAX);
}

static int give(struct call *c, const json_t *tags, const char **ret)
{
    *ret = NULL;
    if (json_object_size(tags) == 0)
        return 0;
    CLEANUP(free_ptr) char *text = json_pack_text(tags);
    *ret = text ? arena_dup(c->arena, str_of(text)) : NULL;
    return *ret ? 0 : FAULT(ENOMEM);
}

static int bad_header(struct call *c)
{
    return call_fail(
        c, S3_E_ARGUMENT,
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
        "without tag name duplicates.");
}

int tagging_of_header(struct call *c, const char **ret)
{
    CLEANUP(json_free) json_t *tags = NULL;
    struct uri_query pairs = {0};
    struct str said = http_header(c->http, "x-amz-tagging");
    *ret = NULL;
    if (!said.ptr)
        return 0;
    tags = json_object();
    int rc = tags ? uri_parse_query(c->arena, str_trim(said), true, &pairs) : FAULT(ENOMEM);
    if (rc == URI_E_BAD)
        return bad_header(c);
    for (size_t i = 0; rc == 0 && i < pairs.count; i++) {
        const struct uri_pair *pair = &pairs.pairs[i];
        if (pair->name.len == 0 && pair->value.len == 0 && !pair->has_value)
            continue;
        if (pair->name.len == 0 || json_object_getn(tags, pair->name.ptr, pair->name.len))
            return bad_header(c);
        rc = add(c, tags, pair->name, pair->value.ptr ? pair->value : STR(""));
    }
    return rc != 0 ? rc : give(c, tags, ret);
}

int tagging_of_set(struct call *c, const char **ret)
{
    CLEANUP(json_free) json_t *tags = json_object();
    const json_t *set = json_object_get(c->in, "TagSet");
    int rc = tags ? 0 : FAULT(ENOMEM);
    if (!set)
        return call_fail(
            c, S3_E_XML,
            "The XML you provided was not well-formed or did not validate against our published schema");
    for (size_t i = 0; rc == 0 && i < json_array_size(set); i++) {
        const json_t *tag = json_array_get(set, i);
        struct str key = str_of(json_str(tag, "Key", ""));
        if (json_object_getn(tags, key.ptr, key.len))
            return call_fail(c, S3_E_TAG, "Cannot provide multiple Tags with the same key");
        rc = add(c, tags, key, str_of(json_str(tag, "Value", "")));
    }
    return rc != 0 ? rc : give(c, tags, ret);
}

int tagging_put_set(struct call *c, const char *text)
{
    CLEANUP(json_free) json_t *tags = NULL;
    json_t *set = json_array();
    const char *key;
    json_t *value;
    int rc = set ? json_put(c->out, "TagSet", set) : FAULT(ENOMEM);
    if (rc != 0 || !text)
        return rc;
    if (json_unpack_text(str_of(text), &tags) != 0)
        return FAULT(EBADMSG);
    json_object_foreach (tags, key, value)
        if (rc == 0 && json_array_append_new(set, json_pack("{s:s, s:O}", "Key", key, "Value", value)) != 0)
            rc = FAULT(ENOMEM);
    return rc;
}

void tagging_reply_count(struct call *c, const char *text)
{
    CLEANUP(json_free) json_t *tags = NULL;
    if (text && json_unpack_text(str_of(text), &tags) == 0)
        http_reply_headerf(c->http, "x-amz-tagging-count", "%zu", json_object_size(tags));
}
