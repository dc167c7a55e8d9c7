/* Syntax of texts. Source: the patterns of CodePipeline's service model (API version 2015-07-09). */
#include "services/codepipeline/texts.h"
#include "base/id.h"
#include "wire/json.h"
#include <ctype.h>

static bool all_in(const char *text, const char *others)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr(others, *text))
            return false;
    return true;
}

bool text_is_name(const char *text)
{
    return all_in(text, ".@-_");
}

bool text_is_word(const char *text)
{
    return all_in(text, "_-");
}

bool text_is_namespace(const char *text)
{
    return all_in(text, "@-_");
}

bool text_is_bucket(const char *text)
{
    return all_in(text, "-.");
}

bool text_is_token(const char *text)
{
    return all_in(text, "-");
}

bool text_is_reason(const char *text)
{
    return all_in(text, "!@ ().*?-");
}

bool text_is_role_arn(const char *text)
{
    return str_glob(STR("arn:aws*:iam::????????????:role/*"), str_of(text));
}

bool text_is_arn(const char *text)
{
    return str_glob(STR("arn:aws*:codepipeline:?*:????????????:?*"), str_of(text));
}

bool text_is_sha256(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

bool text_is_uuid(const char *text)
{
    for (size_t i = 0; i < ID_UUID_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !text[i] || !strchr("0123456789abcdef", text[i]))
            return false;
    }
    return text[ID_UUID_SIZE - 1] == '\0';
}

bool text_is_line(const char *text)
{
    return !strpbrk(text, "\r\n");
}

bool text_is_account(const char *text)
{
    return strlen(text) == 12 && strspn(text, "0123456789") == 12;
}

bool text_is_account_or_all(const char *text)
{
    return strcmp(text, "*") == 0 || text_is_account(text);
}

bool text_is_function_arn(const char *text)
{
    return str_glob(STR("arn:aws*:lambda:?*:????????????:function:?*"), str_of(text));
}

const char *text_twice(const json_t *list, const char *member)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_str(json_array_get(list, i), member, "");

        for (size_t k = 0; k < i; k++)
            if (strcmp(text, json_str(json_array_get(list, k), member, "")) == 0)
                return text;
    }
    return NULL;
}

const struct field configuration_keys = {"key", FIELD_STRING, .min = 1, .max = 50};

static const struct field fields_texts[] = {
    {"member", FIELD_STRING},
};
const struct shape shape_texts = SHAPE(fields_texts);
