/* What a resource type is made of. Adding one = one file in resources/ that defines a struct resource_type,
 * and one row in resources.c.
 *
 * A type's functions call the other services' domain functions in the engine's own transaction: the effect
 * and the row that records it commit together. They return 0, a fault, or a positive outcome with words in
 * *why: the resource then fails, and everything that its transaction did is undone. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "db/db.h"
#include "services/cloudformation/template.h"
#include <jansson.h>

struct platform;

enum property_type {
    PROPERTY_TEXT,
    PROPERTY_INTEGER,
    PROPERTY_BOOLEAN,
    PROPERTY_LIST,   /* elements by `of` (its first row), or texts when `of` is NULL */
    PROPERTY_STRUCT, /* members by `of` */
    PROPERTY_JSON,   /* any object, as it is; also as text */
};

enum property_update { UPDATE_IN_PLACE, UPDATE_REPLACES };

struct properties;

struct property {
    const char *name;
    enum property_type type;
    bool required;
    enum property_update update; /* what changing it means; looked at for the first level only */
    const struct properties *of;
    const char *const *values; /* NULL-terminated enumeration, or NULL */
};

struct properties {
    const struct property *rows;
    size_t count;
};

#define PROPERTIES(table)                                                                                    \
    {                                                                                                        \
        (table), ARRAY_LEN(table)                                                                            \
    }

/* [{Key, Value}] */
extern const struct properties tag_list;

#define PHYSICAL_ID_SIZE 1025

/* One resource being made, changed or removed. */
struct resource_work {
    struct tx *tx;
    const struct platform *platform;
    const char *account;
    const char *stack_name;
    const char *stack_id;
    const char *logical_id;
    const char *actor;                  /* ARN of who asked for the stack's operation */
    const json_t *properties;           /* evaluated and checked; of `remove`: those that it has */
    const json_t *before;               /* of `update`: those that it has; else NULL */
    char physical_id[PHYSICAL_ID_SIZE]; /* `create` fills it; `update` and `remove` read it */
    json_t *attributes;                 /* of GetAtt: `create` and `update` fill the empty object */
    struct reason *why;
};

struct resource_type {
    const char *name; /* "AWS::S3::Bucket" */
    struct properties properties;
    const char *const *attributes; /* GetAtt's names, NULL-terminated */
    const char *name_property;     /* the property that names it, or NULL */
    bool is_iam;                   /* needs CAPABILITY_IAM; named: CAPABILITY_NAMED_IAM */
    int (*create)(struct resource_work *work);
    int (*update)(struct resource_work *work);
    int (*remove)(struct resource_work *work); /* one that is gone already is removed */
};

const struct resource_type *resource_type_find(const char *name);
bool resource_type_has_attribute(const struct resource_type *type, const char *attribute);
const struct property *property_find(const struct properties *properties, const char *name);

/* Checks evaluated properties by the type's table and brings scalars to the table's types, in place. Values
 * that are not known yet pass. STACK_E_INVALID naming path and line. */
int properties_check(const struct template *template, const struct properties *table, json_t *properties,
                     struct where *where, struct reason *why) MUST_USE;

/* The name property, or a generated "STACK-LOGICALID-RANDOM" cut to max_len; `lower` for names that must be.
 */
int resource_name(const struct resource_work *work, const char *name_property, size_t max_len, bool lower,
                  char ret[PHYSICAL_ID_SIZE]) MUST_USE;
int resource_attribute(struct resource_work *work, const char *name, const char *fmt, ...) MUST_USE
    PRINTF_LIKE(3, 4);
/* Tags as an object of strings from [{Key,Value}]. */
json_t *resource_tag_map(const json_t *tags) MUST_USE;
/* The same tree with each member name's first letter in lower case (the JSON APIs' form); names in
 * `keep` (NULL-terminated) keep their members' names as they are. */
json_t *resource_lower_camel(const json_t *value, const char *const *keep) MUST_USE;
