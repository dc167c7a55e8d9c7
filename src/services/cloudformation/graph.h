/* Which resource needs which, and in what order they are made. */
#pragma once

#include "services/cloudformation/template.h"

enum reference_kind { REFERENCE_NAME, REFERENCE_ATTRIBUTE, REFERENCE_CONDITION };

struct reference {
    enum reference_kind kind;
    const char *name;      /* parameter, pseudo parameter, resource, or condition */
    const char *attribute; /* of REFERENCE_ATTRIBUTE */
};

/* Calls `seen` for every reference in the value, both branches of Fn::If included; stops when it returns
 * other than 0, which is then returned. `where` may be NULL. */
int references_walk(const json_t *value, struct where *where,
                    int (*seen)(const struct reference *reference, const struct where *where, void *arg),
                    void *arg) MUST_USE;

/* Checks every reference of resources, conditions and outputs, and that there is no circle: STACK_E_INVALID.
 */
int graph_check(const struct template *template, struct reason *why) MUST_USE;
/* All logical ids, each after what it needs: a list of texts; *ret_needs: logical id → list of the logical
 * ids that it needs. */
int graph_order(const struct template *template, json_t **ret_order, json_t **ret_needs,
                struct reason *why) MUST_USE;
