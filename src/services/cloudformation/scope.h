/* Evaluation of a template's values: intrinsic functions, conditions, pseudo parameters.
 *
 * What is not known yet (a resource that is still to be made) evaluates to a text that holds SCOPE_UNKNOWN;
 * the engine evaluates a resource only when all that it needs is known.
 * Source: CloudFormation User Guide, "Intrinsic function reference". */
#pragma once

#include "services/cloudformation/template.h"

#define SCOPE_UNKNOWN "\x1a(known after apply)"

struct scope {
    const struct template *template;
    const char *region;
    const char *account;
    const char *stack_name;
    const char *stack_id;
    const json_t *values;            /* parameter → evaluated value */
    const json_t *resources;         /* logical id → {"id", "attributes"}; those that are known */
    const json_t *exports;           /* the account's: name → value */
    const json_t *notification_arns; /* a list or NULL */
    json_t *conditions;              /* name → bool: a cache, the scope's own */
    json_t *imports;                 /* names that were imported, as an object's keys; NULL: not recorded */
    unsigned condition_depth;
    struct where where;
    struct reason *why;
};

/* The value with everything evaluated; AWS::NoValue's are left out. STACK_E_INVALID. */
int scope_evaluate(struct scope *scope, const json_t *value, json_t **ret) MUST_USE;
/* A condition by name. STACK_E_INVALID. */
int scope_condition(struct scope *scope, const char *name, bool *ret) MUST_USE;
/* Of a resource or an output: true when it has none, or that one holds. */
int scope_active(struct scope *scope, const json_t *item, bool *ret) MUST_USE;
/* Evaluates all conditions of the template. */
int scope_conditions(struct scope *scope) MUST_USE;
/* True when the value, or anything in it, is not known yet. */
bool scope_unknown(const json_t *value);
/* A scalar as a JSON text; NULL for lists and objects (and when out of memory). */
json_t *scope_text(const json_t *value) MUST_USE;
int scope_fail(struct scope *scope, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Ref and GetAtt, also from Sub. */
int scope_ref(struct scope *scope, const char *name, json_t **ret) MUST_USE;
int scope_attribute(struct scope *scope, const char *logical_id, const char *attribute,
                    json_t **ret) MUST_USE;

/* What an intrinsic function does with its raw argument. */
struct intrinsic {
    const char *name;
    int (*run)(struct scope *scope, const json_t *argument, json_t **ret);
    bool is_condition; /* gives true or false; may stand in Conditions and in Fn::If only */
};

const struct intrinsic *intrinsic_find(const char *name);
/* The one member of {"Fn::X": …} or {"Ref": …}: its name, or NULL when the value is no function. */
const char *intrinsic_name(const json_t *value);

/* cidr.c: Fn::Cidr's list. STACK_E_INVALID. */
int cidr_split(struct scope *scope, const char *block, int64_t count, int64_t bits, json_t **ret) MUST_USE;
/* conditions.c: a condition's expression. */
int condition_evaluate(struct scope *scope, const json_t *expression, bool *ret) MUST_USE;
