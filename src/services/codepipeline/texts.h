/* Texts of a certain syntax, for the field tables. */
#pragma once

#include "services/operation.h"

bool text_is_name(const char *text);
bool text_is_word(const char *text);
bool text_is_namespace(const char *text);
bool text_is_bucket(const char *text);
bool text_is_token(const char *text);
bool text_is_reason(const char *text);
bool text_is_role_arn(const char *text);
bool text_is_arn(const char *text);
bool text_is_sha256(const char *text);
bool text_is_uuid(const char *text);
bool text_is_line(const char *text);
bool text_is_account(const char *text);
bool text_is_account_or_all(const char *text);
bool text_is_function_arn(const char *text);

/* The text of that member which more than one element of the list has, or NULL. */
const char *text_twice(const json_t *list, const char *member);

/* Required names of pipelines, stages and actions; ids; ARNs; words of other lengths. */
#define NAME(member)                                                                                         \
    {                                                                                                        \
        member, FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = 100, .check = text_is_name,          \
                              .check_says = "[A-Za-z0-9.@\\-_]+"                                             \
    }
#define WORD(member, longest)                                                                                \
    {                                                                                                        \
        member, FIELD_STRING, .flags = FIELD_REQUIRED, .min = 1, .max = (longest), .check = text_is_word,    \
                              .check_says = "[0-9A-Za-z_-]+"                                                 \
    }
#define UUID(member, more)                                                                                   \
    {                                                                                                        \
        member, FIELD_STRING, .flags = (more), .check = text_is_uuid,                                        \
                              .check_says = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"   \
    }
#define ARN(member)                                                                                          \
    {                                                                                                        \
        member, FIELD_STRING, .flags = FIELD_REQUIRED, .check = text_is_arn,                                 \
                              .check_says = "arn:aws(-[\\w]+)*:codepipeline:.+:[0-9]{12}:.+"                 \
    }

extern const struct shape shape_texts; /* any map of texts */
extern const struct field configuration_keys;
