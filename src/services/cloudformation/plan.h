/* A template with its parameters against a stack's resources: what every operation and every step of the
 * engine works from. */
#pragma once

#include "db/db.h"
#include "services/cloudformation/scope.h"
#include "services/cloudformation/store.h"

struct platform;
struct resource_type;

struct plan {
    struct template *template;
    json_t *parameters; /* as parameters_resolve gives them */
    json_t *values;
    json_t *order; /* logical ids, each after what it needs */
    json_t *needs; /* logical id → set */
    json_t *known; /* logical id → {"id", "attributes"} */
    json_t *exports;
    struct scope scope;
};

struct plan_source {
    struct tx *tx;
    const struct platform *platform;
    const struct stack *stack; /* its id, name and account */
    struct str body;
    const json_t *given;      /* parameters as the API gives them … */
    const json_t *previous;   /* … and those of before; NULL */
    const json_t *parameters; /* or: already resolved; then `given` and `previous` are not looked at */
};

/* Parses, checks, resolves, orders. Nothing is known yet. STACK_E_INVALID. */
int plan_open(const struct plan_source *source, struct plan *ret, struct reason *why) MUST_USE;
void plan_close(struct plan *plan); /* CLEANUP-able */
/* Evaluates every active resource and output: what is wrong shows before anything changes. */
int plan_check(struct plan *plan) MUST_USE;
bool plan_active(struct plan *plan, const char *logical_id);
/* A resource's properties, evaluated and checked. */
int plan_properties(struct plan *plan, const char *logical_id, json_t **ret) MUST_USE;
/* From now on the resource's id and attributes are known. */
int plan_know(struct plan *plan, const json_t *row) MUST_USE;
/* [{OutputKey, OutputValue, Description?, ExportName?}] */
int plan_outputs(struct plan *plan, json_t **ret) MUST_USE;
const struct resource_type *plan_type(const struct plan *plan, const char *logical_id);

/* STACK_E_CAPABILITIES when the template needs what the caller does not acknowledge. */
int plan_capabilities(struct plan *plan, const json_t *acknowledged, struct reason *why) MUST_USE;
/* The capabilities that it needs: a list, and why (the types). */
int template_capabilities(const struct template *template, json_t **ret_list, json_t **ret_types) MUST_USE;
