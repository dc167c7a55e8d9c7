/* ssm's tables: ssm_parameter (one row a parameter, its newest version's number), ssm_version (every kept
 * version whole), ssm_tag. */
#pragma once

#include "services/ssm/ssm.h"

#define SSM_MIGRATION_COUNT 1
extern const struct db_migration ssm_migrations[SSM_MIGRATION_COUNT];

/* A version as it is stored: value is the stored bytes (encrypted for SecureString). */
struct ssm_row {
    struct parameter parameter; /* its `value` is not set */
    struct str stored;
};

/* DB_NONE when there is none of that name. */
int ssm_store_head(struct tx *tx, const char *account, const char *name, int64_t *ret_version) MUST_USE;
int ssm_store_count(struct tx *tx, const char *account, int64_t *ret) MUST_USE;
/* Version 0: the newest. DB_NONE. Strings are copied into the arena. */
int ssm_store_get(struct tx *tx, struct arena *arena, const char *account, const char *name, int64_t version,
                  struct ssm_row *ret) MUST_USE;
/* Adds the version, makes it the head, drops the versions before `version - SSM_VERSIONS_KEPT + 1`. */
int ssm_store_put(struct tx *tx, const char *account, const struct ssm_row *row) MUST_USE;
int ssm_store_delete(struct tx *tx, const char *account, const char *name) MUST_USE; /* DB_NONE */
/* The newest versions of names after `after` (NULL: from the first), in order of names. */
int ssm_scan(struct tx *tx, const char *account, const char *after, struct rows **ret) MUST_USE;
/* The versions of one name after `after`, oldest first. */
int ssm_scan_history(struct tx *tx, const char *account, const char *name, int64_t after,
                     struct rows **ret) MUST_USE;
/* The row that either scan stands on. */
int ssm_scan_row(struct rows *rows, struct arena *arena, struct ssm_row *ret) MUST_USE;

/* Tags: a list of {"Key","Value"}. */
int ssm_store_tags(struct tx *tx, const char *account, const char *name, json_t **ret) MUST_USE;
int ssm_store_tag_put(struct tx *tx, const char *account, const char *name, const char *key,
                      const char *value) MUST_USE;
int ssm_store_tag_delete(struct tx *tx, const char *account, const char *name, const char *key) MUST_USE;

/* Sets row->parameter.value from its stored bytes (parameter.c). */
int ssm_reveal(const struct platform *platform, struct arena *arena, const char *account, bool decrypt,
               struct ssm_row *row) MUST_USE;
