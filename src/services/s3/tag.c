/* See tag.h. */
#include "services/s3/tag.h"

#define KEY_MAX 128 /* characters */
#define VALUE_MAX 256

static size_t characters(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += (text.ptr[i] & 0xC0) != 0x80;
    return count;
}

/* Letters and digits of any script, blanks, and + - = . _ : / @. */
static bool allowed(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
        if (!letter && (c == '\0' || !strchr(" +-=._:/@", c)))
            return false;
    }
    return true;
}

bool tag_key_good(struct str key)
{
    return key.len > 0 && characters(key) <= KEY_MAX && allowed(key);
}

bool tag_value_good(struct str value)
{
    return characters(value) <= VALUE_MAX && allowed(value);
}

bool tag_key_is_aws(struct str key)
{
    return str_starts(key, STR("aws:"));
}
