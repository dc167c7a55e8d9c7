/* codebuild's SQL: projects and builds as rows. */
#pragma once

#include "db/db.h"
#include "services/codebuild/codebuild.h"
#include "wire/json.h"

extern const struct db_migration codebuild_migrations[];
#define CODEBUILD_MIGRATION_COUNT 2

struct project_row {
    int64_t created_ms;
    int64_t modified_ms;
    json_t *body;
    size_t text_bytes; /* of the body */
};

void project_row_deinit(struct project_row *row);
/* Source, artifacts and role, of a project or of a build with its overrides. CODEBUILD_E_INVALID. */
int codebuild_check_parts(const json_t *project, const char *account, struct reason *why) MUST_USE;
/* `paths`: of members that the input must not have; NULL-terminated. CODEBUILD_E_INVALID. */
int codebuild_check_known(const json_t *input, const char *const *paths, struct reason *why) MUST_USE;
int project_store_get(struct tx *tx, const char *account, const char *name,
                      struct project_row *ret) MUST_USE; /* DB_NONE */
/* Its body, for a write transaction, perhaps from memory: to be read only. DB_NONE. */
int project_store_recall(struct tx *tx, const char *account, const char *name, json_t **ret) MUST_USE;
int project_store_insert(struct tx *tx, const char *account, const char *name, int64_t now_ms,
                         const json_t *body) MUST_USE;
int project_store_update(struct tx *tx, const char *account, const char *name, int64_t now_ms,
                         const json_t *body) MUST_USE;
int project_store_delete(struct tx *tx, const char *account,
                         const char *name) MUST_USE; /* CODEBUILD_E_NOT_FOUND */

enum build_state { BUILD_QUEUED, BUILD_LEASED, BUILD_ENDED };

struct build {
    char account[13];
    char id[CODEBUILD_ID_SIZE];
    char project[256];
    int64_t number;
    enum build_state state;
    char status[16]; /* IN_PROGRESS, or the final one */
    char phase[24];
    char worker[129];
    char nonce[33];     /* empty before the first lease */
    int64_t attempt;    /* leases so far */
    int64_t started_ms; /* StartBuild */
    int64_t ended_ms;   /* 0: not yet */
    int64_t lease_ms;   /* while leased: until when */
    int64_t limit_ms;   /* while queued: end of waiting; from the first lease on: of the build */
    bool timed;         /* the first lease has happened: limit_ms is the build's own */
    char token[129];    /* idempotencyToken */
    json_t *body; /* fixed at the start: source, environment, artifacts, logs … and StartBuild's input */
    json_t *progress; /* phases, artifacts, exportedEnvironmentVariables, resolvedSourceVersion */
};

void build_deinit(struct build *build); /* CLEANUP-able */
/* When something must happen to the build by itself. */
int64_t build_store_due_ms(const struct build *build);
int build_store_insert(struct tx *tx, const struct build *build) MUST_USE;
int build_store_save(struct tx *tx, const struct build *build) MUST_USE;
int build_store_get(struct tx *tx, const char *account, const char *id,
                    struct build *ret) MUST_USE; /* DB_NONE */
/* The same within a write transaction, perhaps from memory; it is not in memory then. DB_NONE. */
int build_store_recall(struct tx *tx, const char *account, const char *id, struct build *ret) MUST_USE;
/* Leaves a build as it is stored, and not ended, in memory: when nobody else has its progress. */
void build_store_keep(struct tx *tx, struct build *build);
/* The newest build that was started with this token. DB_NONE. */
int build_store_by_token(struct tx *tx, const char *account, const char *token, struct build *ret) MUST_USE;
/* The next build that waits, oldest first. DB_NONE. */
int build_store_waiting(struct tx *tx, const char *account, struct build *ret) MUST_USE;
/* The next build whose lease or time has run out. DB_NONE. */
/* One that `worker` holds. DB_NONE. */
int build_store_held(struct tx *tx, const char *account, const char *worker, struct build *ret) MUST_USE;
int build_store_due(struct tx *tx, int64_t now_ms, struct build *ret) MUST_USE;
int build_store_next_due(struct tx *tx, int64_t *ret_ms) MUST_USE; /* INT64_MAX: none */
/* Leases that end earlier are prolonged to this time. */
int build_store_prolong(struct tx *tx, int64_t until_ms) MUST_USE;
int build_store_next_number(struct tx *tx, const char *account, const char *project, int64_t *ret) MUST_USE;
int build_store_active(struct tx *tx, const char *account, const char *project, int64_t *ret) MUST_USE;
