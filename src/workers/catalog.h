/* The central team's catalog: which applications and branches get which release template, environments,
 * parameters and protections. Read by the launcher and by `slipway catalog`. The format is in
 * launcher/README.md. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

#define CATALOG_BUCKET "slipway-catalog"
#define CATALOG_KEY "catalog.yaml"
#define CATALOG_TEMPLATE_KEY "templates/%s.yaml" /* by template name */
#define CATALOG_MAX_BYTES (1 << 20)
#define CATALOG_RULES_MAX 10000
#define CATALOG_ENVIRONMENTS_MAX 64

struct catalog_environment {
    const char *name;
    const char *account;
};

struct catalog_rule {
    const char *name;
    const char *account; /* glob; "*" when the catalog says none */
    const char *app;     /* the same */
    const char *branch;  /* the same */
    const char *template;
    const struct catalog_environment **environments; /* in the rule's order */
    size_t environment_count;
    const json_t *parameters; /* name → string; NULL: none */
    bool is_protected;        /* a zero-byte artifact is refused */
    int line;                 /* where it stands; 0: unknown */
};

struct catalog {
    struct catalog_environment *environments;
    size_t environment_count;
    struct catalog_rule *rules; /* most specific first */
    size_t rule_count;
    json_t *tree; /* what all strings borrow from */
};

#define CATALOG_E_BAD 1

/* CATALOG_E_BAD: *why has the line, the path and what to write instead. */
int catalog_parse(struct str text, struct catalog **ret, struct reason *why) MUST_USE;
void catalog_free(struct catalog **catalog);
/* The most specific rule that matches, or NULL. An exact name is more specific than a pattern, a pattern with
 * more literal characters than one with fewer; account counts first, then application, then branch. */
const struct catalog_rule *catalog_match(const struct catalog *catalog, struct str account, struct str app,
                                         struct str branch);
