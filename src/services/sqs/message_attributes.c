/* MessageAttributes: limits and the digest by which SDKs check what arrived.
 *
 * Source: SQS Developer Guide, "Calculating the MD5 message digest for message attributes". */
#include "base/hash.h"
#include "services/sqs/queue.h"
#include "wire/json.h"
#include <arpa/inet.h>

#define NAME_MAX_BYTES 256

static bool type_is(struct str type, const char *base)
{
    struct str b = str_of(base);
    return str_starts(type, b) && (type.len == b.len || type.ptr[b.len] == '.');
}

static const char *value_of(const json_t *attribute, bool *ret_binary)
{
    *ret_binary = type_is(str_of(json_str(attribute, "DataType", "")), "Binary");
    return json_str(attribute, *ret_binary ? "BinaryValue" : "StringValue", NULL);
}

static bool name_ok(const char *name)
{
    struct str s = str_of(name);
    if (s.len == 0 || s.len > NAME_MAX_BYTES || s.ptr[0] == '.' || s.ptr[s.len - 1] == '.')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.", s.ptr[i]))
            return false;
    return !strstr(name, "..");
}

static bool is_number(const char *text)
{
    char *end = NULL;
    (void)strtod(text, &end);
    return *end == '\0' && text[strspn(text, "0123456789+-.eE")] == '\0';
}

static int check_one(const char *name, const json_t *attribute, struct reason *why)
{
    struct str type = str_of(json_str(attribute, "DataType", ""));
    if (!name_ok(name))
        return reason_set(
            why, SQS_E_PARAMETER,
            "The message attribute name '%s' is invalid: it takes letters, digits, '_', '-' and "
            "single dots inside, up to 256.",
            name);
    if (!type_is(type, "String") && !type_is(type, "Number") && !type_is(type, "Binary"))
        return reason_set(why, SQS_E_PARAMETER,
                          "The message attribute '%s' has an invalid message attribute type, the set of "
                          "supported type prefixes is Binary, Number, and String.",
                          name);
    bool binary = false;
    const char *value = value_of(attribute, &binary);
    if (!value || *value == '\0')
        return reason_set(why, SQS_E_PARAMETER,
                          "The message attribute '%s' must contain a non-empty message attribute value.",
                          name);
    if (type_is(type, "Number") && !is_number(value))
        return reason_set(why, SQS_E_PARAMETER,
                          "Can't cast the value of message (user) attribute '%s' to a number.", name);
    return 0;
}

int message_attributes_check(const json_t *attributes, struct reason *why)
{
    if (json_object_size(attributes) > SQS_ATTRIBUTES_MAX)
        return reason_set(why, SQS_E_PARAMETER,
                          "Number of message attributes [%zu] exceeds the allowed maximum [10].",
                          json_object_size(attributes));
    const char *name;
    json_t *attribute;
    json_object_foreach ((json_t *)attributes, name, attribute) {
        int rc = check_one(name, attribute, why);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* Of base64. */
static size_t decoded_bytes(struct str value)
{
    size_t padding = str_ends(value, STR("==")) ? 2 : str_ends(value, STR("=")) ? 1 : 0;
    return value.len / 4 * 3 - (value.len >= 4 ? padding : 0);
}

size_t message_attributes_bytes(const json_t *attributes)
{
    size_t bytes = 0;
    const char *name;
    json_t *attribute;
    json_object_foreach ((json_t *)attributes, name, attribute) {
        bool binary = false;
        struct str value = str_of(value_of(attribute, &binary));
        bytes += strlen(name) + strlen(json_str(attribute, "DataType", ""));
        bytes += binary ? decoded_bytes(value) : value.len;
    }
    return bytes;
}

static void update_sized(struct hash *md5, const void *bytes, size_t len)
{
    uint32_t size = htonl((uint32_t)len);
    hash_update(md5, &size, sizeof(size));
    hash_update(md5, bytes, len);
}

static int update_one(struct hash *md5, const char *name, const json_t *attribute)
{
    const char *type = json_str(attribute, "DataType", "");
    bool binary = false;
    const char *value = value_of(attribute, &binary);
    if (!value)
        return FAULT(EINVAL);
    update_sized(md5, name, strlen(name));
    update_sized(md5, type, strlen(type));
    unsigned char transport = binary ? 2 : 1;
    hash_update(md5, &transport, 1);
    if (!binary) {
        update_sized(md5, value, strlen(value));
        return 0;
    }
    size_t len = 0;
    CLEANUP(free_ptr) char *bytes = malloc(strlen(value) / 4 * 3 + 3);
    if (!bytes)
        return FAULT(ENOMEM);
    if (!base64_decode(str_of(value), bytes, &len))
        return FAULT(EINVAL);
    update_sized(md5, bytes, len);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int message_attributes_md5(const json_t *attributes, char ret[33])
{
    const char *names[SQS_ATTRIBUTES_MAX] = {NULL};
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)attributes, name, value) {
        if (count < ARRAY_LEN(names))
            names[count++] = name;
    }
    qsort(names, count, sizeof(names[0]), compare_names);
    CLEANUP(hash_free) struct hash *md5 = hash_new(HASH_MD5);
    if (!md5)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < count; i++) {
        int rc = update_one(md5, names[i], json_object_get(attributes, names[i]));
        if (rc != 0)
            return rc;
    }
    unsigned char digest[HASH_MAX_SIZE];
    hash_final(md5, digest);
    hex_encode(digest, hash_size(HASH_MD5), ret);
    return 0;
}
