/* Parameters: named values by account, each with its versions.
 *
 * Functions run inside the caller's transaction; strings they give are in `arena`. SecureString values are
 * kept encrypted (AES-256-GCM) under the key in DATA/ssm.key; the other types as they are.
 * Source: Systems Manager API Reference, PutParameter and its neighbours. */
#pragma once

#include "base/arena.h"
#include "base/base.h"
#include "base/reason.h"
#include "db/db.h"
#include <jansson.h>

struct platform;

enum ssm_outcome {
    SSM_E_NOT_FOUND = 1,
    SSM_E_VERSION_NOT_FOUND,
    SSM_E_EXISTS,
    SSM_E_ALLOWED_PATTERN, /* AllowedPattern is no pattern */
    SSM_E_PATTERN_MISMATCH,
    SSM_E_LEVELS,        /* more than 15 levels */
    SSM_E_TYPE_MISMATCH, /* a new version must have the parameter's type */
    SSM_E_LIMIT,         /* too many parameters in the account */
    SSM_E_INVALID,       /* a name, value or option that the API's rules refuse */
    SSM_E_TOKEN,
    SSM_E_FILTER_KEY,
    SSM_E_FILTER_OPTION,
    SSM_E_FILTER_VALUE,
    SSM_E_RESOURCE, /* tags of what is no parameter */
    SSM_E_TAGS,     /* more than 50 tags */
};

#define SSM_VERSIONS_KEPT 100
#define SSM_PARAMETERS_MAX 10000
#define SSM_TAGS_MAX 50

struct parameter_spec {
    const char *name;
    const char *value;
    const char *type;            /* NULL: the parameter's own; needed for a new one */
    const char *description;     /* NULL: none; likewise below */
    const char *allowed_pattern; /* a whole-value pattern */
    const char *key_id;          /* recorded for SecureString; NULL: "alias/aws/ssm" */
    const char *tier;            /* NULL: "Standard" */
    const char *data_type;       /* NULL: "text" */
    const json_t *tags;          /* [{"Key","Value"}]; NULL: as they are */
    bool overwrite;              /* a new version of one that exists; false: SSM_E_EXISTS */
    const char *modified_by;     /* the caller's ARN */
};

struct parameter {
    const char *name;
    const char *type;
    const char *value;    /* base64 of the stored bytes for a SecureString that was not asked for decrypted */
    const char *selector; /* ":3" as asked for; NULL: none */
    const char *description;
    const char *allowed_pattern;
    const char *key_id; /* NULL unless SecureString */
    const char *tier;
    const char *data_type;
    const char *modified_by;
    int64_t version;
    int64_t modified_ms;
};

/* SSM_E_EXISTS, SSM_E_INVALID, SSM_E_LEVELS, SSM_E_TYPE_MISMATCH, SSM_E_ALLOWED_PATTERN,
 * SSM_E_PATTERN_MISMATCH, SSM_E_LIMIT, SSM_E_TAGS. `ret_version` may be NULL. */
int parameter_put(struct tx *tx, const struct platform *platform, const char *account,
                  const struct parameter_spec *spec, int64_t *ret_version, struct reason *why) MUST_USE;
/* `name` may end in a selector (":3") or be an ARN. SSM_E_NOT_FOUND, SSM_E_VERSION_NOT_FOUND, SSM_E_INVALID
 * (a selector that is no version number). */
int parameter_get(struct tx *tx, const struct platform *platform, struct arena *arena, const char *account,
                  const char *name, bool decrypt, struct parameter *ret, struct reason *why) MUST_USE;
/* SSM_E_NOT_FOUND. */
int parameter_delete(struct tx *tx, const char *account, const char *name, struct reason *why) MUST_USE;
/* Adds or changes tags ([{"Key","Value"}], may be NULL) of a parameter that exists. SSM_E_TAGS. */
int parameter_tag(struct tx *tx, const char *account, const char *name, const json_t *tags,
                  struct reason *why) MUST_USE;
