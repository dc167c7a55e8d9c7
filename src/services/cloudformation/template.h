/* A template as its author wrote it: parsed, its sections and limits checked, nothing evaluated.
 * Source: CloudFormation User Guide, "Template anatomy" and "Understand CloudFormation quotas". */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "wire/yaml.h"
#include <jansson.h>

#define TEMPLATE_BODY_MAX 51200
#define TEMPLATE_URL_MAX (1 << 20)

/* Where in the template one is: "Resources/Bucket/Properties". */
struct where {
    char path[1024];
    size_t len;
};

void where_set(struct where *where, const char *path);
/* One step down; returns what where_up needs to come back. */
size_t where_down(struct where *where, const char *step);
size_t where_down_index(struct where *where, size_t index);
void where_up(struct where *where, size_t mark);

struct template
{
    json_t *root;
    struct yaml_marks *marks;
    /* borrowed from root; NULL when absent */
    const json_t *parameters;
    const json_t *mappings;
    const json_t *conditions;
    const json_t *resources;
    const json_t *outputs;
    const char *description;
    bool language_extensions; /* Transform: AWS::LanguageExtensions */
};

/* STACK_E_INVALID names path and line. */
int template_parse(struct str text, struct template **ret, struct reason *why) MUST_USE;
void template_free(struct template **template); /* CLEANUP-able */
/* Says what is wrong at `where` (with its line) and returns STACK_E_INVALID. */
int template_fail(const struct template *template, const struct where *where, struct reason *why,
                  const char *fmt, ...) PRINTF_LIKE(4, 5);
/* A member's text of a resource: "Type", "Condition" … or NULL. */
const char *template_resource(const struct template *template, const char *logical_id, const char *member);
