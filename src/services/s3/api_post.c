/* PostObject: a browser's form. Source: "Browser-Based Uploads Using POST" of the Amazon S3 API Reference.
 *
 * The fields come first: with the file's part they are complete, and then become the request's headers: who
 * signed the policy is found, the policy is held against them, and the file is put as PutObject does. */
#include "base/clock.h"
#include "services/s3/checksum_api.h"
#include "services/s3/put.h"
#include "services/s3/post_policy.h"
#include "services/s3/shapes.h"
#include "services/s3/tagging.h"
#include "services/shape.h"
#include "wire/form.h"
#include "wire/uri.h"
#include "wire/xml.h"
#include <inttypes.h>

#define FIELDS_MAX 128
#define FIELDS_BYTES_MAX 20480
#define ANSWER_MAX (64u << 10)

struct post {
    struct form form;
    struct http_header fields[FIELDS_MAX];
    size_t count;
    size_t bytes;
    struct buf value; /* of the field under way */
    bool is_file;     /* the part under way is the file */
    bool has_file;
    char *filename;
    struct post_limits limits;
};

/* Fields that have another name as headers. */
static const char *const renamed[][2] = {{"acl", "x-amz-acl"}};

int api_post_begin(struct call *c)
{
    struct post *post = arena_alloc(c->arena, sizeof(*post));
    if (!post)
        return FAULT(ENOMEM);
    if (form_init(&post->form, http_header(c->http, "content-type")) != 0) {
        call_error_element(c, "Condition", "Bucket POST must be of the enclosure-type multipart/form-data");
        return S3_E_FORM_TYPE;
    }
    c->caller = NULL; /* the form says who it is */
    return api_put_begin_form(c, post);
}

static int malformed(struct call *c)
{
    return call_fail(c, S3_E_FORM, "The body of your POST request is not well-formed multipart/form-data.");
}

static int missing(struct call *c, const char *field)
{
    call_error_element(c, "ArgumentName", field);
    return call_fail(
        c, S3_E_ARGUMENT,
        "Bucket POST must contain a field named '%s'. If it is specified, please check the order of "
        "the fields.",
        field);
}

/* ---- fields */

static int too_long(struct call *c)
{
    return call_fail(c, S3_E_FORM_TOO_LONG,
                     "Your POST request fields preceeding the upload file was too large.");
}

static char *field_name(struct call *c, struct str sent)
{
    char *name = arena_dup(c->arena, sent);
    for (char *letter = name; letter && *letter; letter++)
        if (*letter >= 'A' && *letter <= 'Z')
            *letter = (char)(*letter + 32);
    return name;
}

static int begin_field(struct call *c, struct post *post, const struct form_item *item)
{
    post->bytes += item->name.len;
    if (post->count == FIELDS_MAX || post->bytes > FIELDS_BYTES_MAX)
        return too_long(c);
    char *name = field_name(c, item->name);
    if (!name)
        return FAULT(ENOMEM);
    post->fields[post->count].name = str_of(name);
    post->value = BUF_INIT(FIELDS_BYTES_MAX);
    return 0;
}

static int end_field(struct call *c, struct post *post)
{
    char *value = arena_dup(c->arena, post->value.len > 0 ? buf_str(&post->value) : STR(""));
    size_t len = post->value.len;
    buf_free(&post->value);
    if (!value)
        return FAULT(ENOMEM);
    post->fields[post->count++].value = (struct str){value, len};
    return 0;
}

static struct str field(const struct post *post, const char *name)
{
    return header_find(post->fields, post->count, name);
}

/* ---- the file begins: who sends it, and may it? */

/* ${filename} in the key is the name that the file has at its sender, without folders. */
static int make_key(struct call *c, struct post *post)
{
    CLEANUP(buf_free) struct buf key = BUF_INIT(FIELDS_BYTES_MAX);
    struct str rest = field(post, "key");
    struct str name = str_of(post->filename ? post->filename : "");
    if (!rest.ptr)
        return missing(c, "key");
    for (size_t i = name.len; i > 0; i--)
        if (name.ptr[i - 1] == '/' || name.ptr[i - 1] == '\\') {
            name = (struct str){name.ptr + i, name.len - i};
            break;
        }
    while (rest.len > 0) {
        const char *mark = memmem(rest.ptr, rest.len, "${filename}", 11);
        size_t len = mark ? (size_t)(mark - rest.ptr) : rest.len;
        buf_put(&key, rest.ptr, len);
        if (mark)
            buf_put_str(&key, name);
        len += mark ? 11 : 0;
        rest = (struct str){rest.ptr + len, rest.len - len};
    }
    if (buf_error(&key) == -EMSGSIZE)
        return too_long(c);
    if (key.len == 0)
        return call_fail(c, S3_E_ARGUMENT, "User key must have a length greater than 0.");
    c->key = arena_dup(c->arena, buf_str(&key));
    c->key_len = key.len;
    for (size_t i = 0; i < post->count; i++)
        if (c->key && str_eqc(post->fields[i].name, "key"))
            post->fields[i].value = (struct str){c->key, c->key_len};
    return c->key ? 0 : FAULT(ENOMEM);
}

/* A form without policy and signature is nobody's: the bucket's policy decides, before the file is taken. */
static bool is_unsigned(const struct post *post)
{
    return !field(post, "policy").ptr && !field(post, "x-amz-signature").ptr && !field(post, "signature").ptr;
}

static int check_needed(struct call *c, const struct post *post, const char *const *needed)
{
    for (; *needed; needed++)
        if (!field(post, *needed).ptr)
            return missing(c, *needed);
    return 0;
}

/* By version 2, as boto3 makes forms in us-east-1 unless told otherwise (wire/sigv2.h). */
static int authenticate_old(struct call *c, const struct post *post)
{
    static const char *const needed[] = {"policy", "signature", NULL};
    const struct form_signature form = {.version_2_key = field(post, "AWSAccessKeyId"),
                                        .signature = field(post, "signature"),
                                        .session_token = field(post, "x-amz-security-token"),
                                        .text = field(post, "policy")};
    int rc = check_needed(c, post, needed);
    return rc != 0 ? rc : call_authenticate(c, &form);
}

static int authenticate(struct call *c, const struct post *post)
{
    static const char *const needed[] = {"policy",     "x-amz-algorithm", "x-amz-credential",
                                         "x-amz-date", "x-amz-signature", NULL};
    const struct form_signature form = {.algorithm = field(post, "x-amz-algorithm"),
                                        .credential = field(post, "x-amz-credential"),
                                        .date = field(post, "x-amz-date"),
                                        .signature = field(post, "x-amz-signature"),
                                        .session_token = field(post, "x-amz-security-token"),
                                        .text = field(post, "policy")};
    if (field(post, "AWSAccessKeyId").len > 0 && !form.signature.ptr)
        return authenticate_old(c, post);
    int rc = check_needed(c, post, needed);
    return rc != 0 ? rc : call_authenticate(c, &form);
}

static int check_policy(struct call *c, struct post *post)
{
    CLEANUP(json_free) json_t *policy = NULL;
    const struct post_fields fields = {post->fields, post->count, c->bucket};
    int rc = post_policy_read(field(post, "policy"), &policy, &c->reason);
    return rc != 0 ? rc : post_policy_check(policy, &fields, clock_now_ms(), &post->limits, &c->reason);
}

/* The field `tagging` is a document, and becomes the header that says the same. */
static int read_tagging(struct call *c, struct post *post)
{
    xmlDoc *doc CLEANUP(xml_free) = NULL;
    CLEANUP(json_free) json_t *in = NULL;
    CLEANUP(buf_free) struct buf header = BUF_INIT(FIELDS_BYTES_MAX * 3);
    struct str text = field(post, "tagging");
    if (!text.ptr)
        return 0;
    int rc = xml_parse(text, &doc, &c->reason);
    if (rc == 0)
        rc = shape_from_xml(&tagging_shape, xmlDocGetRootElement(doc), &in, &c->reason);
    if (rc > 0)
        return call_fail(
            c, S3_E_XML,
            "The XML you provided was not well-formed or did not validate against our published schema");
    if (rc < 0)
        return rc;
    const json_t *set = json_object_get(in, "TagSet");
    for (size_t i = 0; i < json_array_size(set); i++) {
        const json_t *tag = json_array_get(set, i);
        buf_puts(&header, i > 0 ? "&" : "");
        uri_encode(&header, str_of(json_str(tag, "Key", "")), false);
        buf_putc(&header, '=');
        uri_encode(&header, str_of(json_str(tag, "Value", "")), false);
    }
    char *value = arena_dup(c->arena, header.len > 0 ? buf_str(&header) : STR(""));
    if (!value || buf_error(&header) != 0)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < post->count; i++)
        if (str_eqc(post->fields[i].name, "tagging"))
            post->fields[i] = (struct http_header){STR("x-amz-tagging"), str_of(value)};
    return 0;
}

/* A header is one line; the policy has been read, and the tags are encoded. */
static int become_headers(struct call *c, struct post *post)
{
    for (size_t i = 0; i < post->count; i++) {
        const struct http_header *one = &post->fields[i];
        for (size_t k = 0; k < one->value.len; k++)
            if ((unsigned char)one->value.ptr[k] < ' ' && !str_eqc(one->name, "policy"))
                return call_fail(c, S3_E_ARGUMENT, "The field %.64s has a control character.", one->name.ptr);
    }
    for (size_t i = 0; i < post->count; i++)
        for (size_t k = 0; k < ARRAY_LEN(renamed); k++)
            if (str_eqc(post->fields[i].name, renamed[k][0]))
                post->fields[i].name = str_of(renamed[k][1]);
    c->http->headers = post->fields;
    c->http->header_count = post->count;
    return 0;
}

static int admit_unsigned(struct call *c, struct post *post)
{
    post->limits.max = INT64_MAX;
    return api_admit_unsigned(c);
}

static int begin_file(struct call *c, struct post *post, const struct form_item *item)
{
    enum checksum_algorithm claimed = CHECKSUM_NONE;
    if (post->has_file)
        return call_fail(c, S3_E_ARGUMENT, "POST requires exactly one file upload per request.");
    post->has_file = true;
    post->is_file = true;
    post->filename = item->filename.ptr ? arena_dup(c->arena, item->filename) : NULL;
    int rc = make_key(c, post);
    if (rc == 0 && !is_unsigned(post))
        rc = authenticate(c, post);
    if (rc == 0 && !is_unsigned(post))
        rc = check_policy(c, post);
    if (rc == 0 && is_unsigned(post))
        rc = admit_unsigned(c, post);
    if (rc == 0)
        rc = read_tagging(c, post);
    if (rc == 0)
        rc = become_headers(c, post);
    if (rc == 0)
        rc = api_check_key(c);
    if (rc == 0)
        rc = api_check_headers(c);
    if (rc == 0)
        rc = checksum_claimed(c, &claimed);
    return rc != 0 ? rc : api_put_choose(c, claimed != CHECKSUM_NONE ? claimed : CHECKSUM_CRC64NVME);
}

/* ---- the body */

static int check_size(struct call *c, const struct post *post, bool ended)
{
    int64_t size = api_put_upload(c)->size;
    bool large = size > post->limits.max;
    if (!large && (!ended || size >= post->limits.min))
        return 0;
    call_error_number(c, "ProposedSize", size);
    call_error_number(c, large ? "MaxSizeAllowed" : "MinSizeAllowed",
                      large ? post->limits.max : post->limits.min);
    return large ? call_fail(c, S3_E_TOO_LARGE, "Your proposed upload exceeds the maximum allowed size")
                 : call_fail(c, S3_E_TOO_SMALL,
                             "Your proposed upload is smaller than the minimum allowed size");
}

static int take_bytes(struct call *c, struct post *post, struct str bytes)
{
    if (post->is_file) {
        int rc = api_put_body(c, bytes.ptr, bytes.len);
        return rc != 0 ? rc : check_size(c, post, false);
    }
    if (post->has_file) /* what comes behind the file is not looked at */
        return 0;
    post->bytes += bytes.len;
    return post->bytes > FIELDS_BYTES_MAX ? too_long(c) : buf_put_str(&post->value, bytes);
}

static int handle(struct call *c, struct post *post, const struct form_item *item)
{
    switch (item->kind) {
    case FORM_PART:
        if (str_eqc(item->name, "file"))
            return begin_file(c, post, item);
        return post->has_file ? 0 : begin_field(c, post, item);
    case FORM_BYTES:
        return take_bytes(c, post, item->bytes);
    case FORM_END:
        if (!post->has_file)
            return end_field(c, post);
        post->is_file = false;
        return 0;
    case FORM_MORE:
        return 0;
    }
    return 0;
}

int api_post_body(struct call *c, const void *bytes, size_t len)
{
    struct post *post = api_put_form(c);
    struct str input = {bytes, len};
    struct form_item item;
    int rc = 0;
    while (rc == 0 && input.len > 0) {
        rc = form_next(&post->form, &input, &item);
        rc = rc == 0 ? handle(c, post, &item) : malformed(c);
    }
    return api_put_failed(c, rc);
}

void api_post_end(struct call *c)
{
    if (c->state)
        buf_free(&api_put_form(c)->value);
    api_put_end(c);
}

/* ---- the answer */

static char *location(struct call *c)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(ANSWER_MAX);
    buf_printf(&text, "%s/%s/", c->platform->endpoint, c->bucket);
    uri_encode(&text, (struct str){c->key, c->key_len}, false); /* slashes, too: as S3 does */
    return buf_error(&text) == 0 ? arena_dup(c->arena, buf_str(&text)) : NULL;
}

/* To where the form says, with what was stored behind it. */
static int reply_redirect(struct call *c, const struct stored *stored, struct str to)
{
    struct str query = to;
    (void)str_split(&query, '?');
    bool with_query = query.ptr != NULL;
    CLEANUP(buf_free) struct buf text = BUF_INIT(ANSWER_MAX);
    buf_put_str(&text, to);
    buf_puts(&text, with_query ? "&bucket=" : "?bucket=");
    uri_encode(&text, str_of(c->bucket), false);
    buf_puts(&text, "&key=");
    uri_encode(&text, (struct str){c->key, c->key_len}, false);
    buf_printf(&text, "&etag=%%22%s%%22", stored->etag);
    if (buf_error(&text) != 0)
        return FAULT(buf_error(&text));
    call_reply(c, 303);
    http_reply_header(c->http, "Location", text.ptr);
    api_put_headers(c, stored);
    return CALL_REPLIED;
}

static int reply_created(struct call *c, const struct stored *stored, const char *where)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(buf_free) struct buf etag = BUF_INIT(ETAG_SIZE + 2);
    buf_printf(&etag, "\"%s\"", stored->etag);
    xml_head(&out);
    xml_open(&out, "PostResponse");
    xml_elem(&out, "Location", str_of(where));
    xml_elem(&out, "Bucket", str_of(c->bucket));
    xml_elem_exact(&out, "Key", (struct str){c->key, c->key_len});
    xml_elem(&out, "ETag", buf_str(&etag));
    xml_close(&out, "PostResponse");
    if (buf_error(&out) != 0)
        return FAULT(buf_error(&out));
    call_reply(c, 201);
    http_reply_header(c->http, "Location", where);
    api_put_headers(c, stored);
    api_send_xml(c, &out);
    return CALL_REPLIED;
}

static bool redirects(struct str to)
{
    return str_starts(to, STR("http://")) || str_starts(to, STR("https://"));
}

static int reply_post(struct call *c, const struct post *post, const struct stored *stored)
{
    struct str redirect = field(post, "success_action_redirect");
    struct str status = field(post, "success_action_status");
    char *where = location(c);
    if (!where)
        return FAULT(ENOMEM);
    if (redirects(redirect))
        return reply_redirect(c, stored, redirect);
    if (str_eqc(status, "201"))
        return reply_created(c, stored, where);
    call_reply(c, str_eqc(status, "200") ? 200 : 204);
    http_reply_header(c->http, "Location", where);
    api_put_headers(c, stored);
    return CALL_REPLIED;
}

static int post_object(struct call *c)
{
    const struct post *post = api_put_form(c);
    CLEANUP(stored_unload) struct stored stored = {0};
    if (post->form.state != FORM_DONE)
        return malformed(c);
    if (!post->has_file)
        return call_fail(c, S3_E_ARGUMENT, "POST requires exactly one file upload per request.");
    int rc = check_size(c, post, true);
    if (rc == 0)
        api_put_whole(c);
    if (rc == 0)
        rc = api_put_store(c, "ObjectCreated:Post", &stored);
    return rc != 0 ? rc : reply_post(c, post, &stored);
}

int api_post_run(struct call *c)
{
    return api_put_failed(c, post_object(c));
}
