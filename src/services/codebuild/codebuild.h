/* Build projects and builds: the domain, for CloudFormation's resources, the API and the background thread.
 *
 * Functions run inside the caller's transaction and return 0, a fault, or an enum codebuild_outcome with
 * words in *why (which may be NULL). Projects and builds are JSON objects in the API's lower-camel form. The
 * log group and stream of a build are made by its worker through the Logs API: a build only names them. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "db/db.h"
#include <jansson.h>

struct platform;

enum codebuild_outcome {
    CODEBUILD_E_NOT_FOUND = 1, /* ResourceNotFoundException */
    CODEBUILD_E_EXISTS,        /* ResourceAlreadyExistsException */
    CODEBUILD_E_INVALID,       /* InvalidInputException */
    CODEBUILD_E_LIMIT,         /* AccountLimitExceededException */
    CODEBUILD_E_NONCE,         /* InvalidNonceException: the build is leased to another worker by now */
};

enum project_put_mode {
    PROJECT_CREATE, /* CODEBUILD_E_EXISTS when there is one */
    PROJECT_UPDATE, /* CODEBUILD_E_NOT_FOUND when there is none; members not named stay */
    PROJECT_REPLACE /* as update, but members not named get their defaults (CloudFormation's update) */
};

/* `project` is CreateProject's input: {name, source, artifacts, environment, serviceRole, …}; borrowed. */
int project_put(struct tx *tx, const struct platform *platform, const char *account, const json_t *project,
                enum project_put_mode mode, struct reason *why) MUST_USE;
/* The project as BatchGetProjects shows it; the caller's reference. CODEBUILD_E_NOT_FOUND. */
int project_get(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                json_t **ret) MUST_USE;
/* Its builds stay, as on AWS. CODEBUILD_E_NOT_FOUND (the API's DeleteProject takes that for done). */
int project_delete(struct tx *tx, const char *account, const char *name) MUST_USE;

#define CODEBUILD_LEASE_MS 10000
#define CODEBUILD_MAX_ATTEMPTS 10 /* workers that may die over one build; then it is a FAULT */
#define CODEBUILD_ID_SIZE 300     /* PROJECT:UUID */
#define CODEBUILD_WORKER_MAX 128  /* characters of a workerId */

struct build_order {
    const json_t *input;   /* StartBuild's */
    const char *initiator; /* who starts it ("user/NAME") */
    const char *worker;    /* who takes it at once; NULL: it waits */
};

/* CODEBUILD_E_NOT_FOUND, CODEBUILD_E_INVALID, CODEBUILD_E_LIMIT. `ret_build` may be NULL. *ret_work is set
 * when `worker` has got it, as PollForBuilds shows it: not one that it has started before and that somebody
 * has taken since. */
int build_start(struct tx *tx, const struct platform *platform, const char *account,
                const struct build_order *order, json_t **ret_build, json_t **ret_work,
                struct reason *why) MUST_USE;
/* The build as BatchGetBuilds shows it; the caller's reference. CODEBUILD_E_NOT_FOUND. */
int build_get(struct tx *tx, const struct platform *platform, const char *account, const char *id,
              json_t **ret_build) MUST_USE;
/* Ends it as STOPPED at once; its worker learns of it at its next UpdateBuild. Done also when it has ended.
 */
int build_stop(struct tx *tx, const char *account, const char *id) MUST_USE;

/* Leases up to `max` waiting builds of the account to `worker`; *ret_builds is a list as PollForBuilds
 * answers it, empty when none waits. */
int build_lease(struct tx *tx, const struct platform *platform, const char *account, const char *worker,
                size_t max, json_t **ret_builds) MUST_USE;
/* What `worker`, who is known to have ended, still holds waits again. */
int build_orphan(struct tx *tx, const char *account, const char *worker) MUST_USE;
/* A worker's report; `input` is UpdateBuild's, *ret_answer its output, with the build when it asks for that.
 * CODEBUILD_E_NOT_FOUND, CODEBUILD_E_NONCE, CODEBUILD_E_INVALID. */
int build_update(struct tx *tx, const struct platform *platform, const char *account, const json_t *input,
                 json_t **ret_answer, struct reason *why) MUST_USE;
/* Gives every leased build a full lease from now: workers could not report while the server was down. */
int build_grace(struct tx *tx, int64_t now_ms) MUST_USE;
/* Takes back leases that have run out, ends builds whose time is over. *ret_next_ms: when to look again
 * (clock_now_ms), INT64_MAX when nothing is due. */
int build_expire(struct tx *tx, int64_t now_ms, int64_t *ret_next_ms) MUST_USE;
