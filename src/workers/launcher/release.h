/* What an artifact's arrival leads to: a release stack as the catalog wants it and a pinned execution, or,
 * for a zero-byte artifact, nothing left. Level-triggered: the current object decides, an event is a hint;
 * doing it again changes nothing twice. */
#pragma once

#include "workers/accounts.h"
#include "workers/call.h"
#include "workers/catalog.h"
#include "workers/launcher/sources.h"
#include "workers/release_key.h"

struct known; /* what is known of release stacks: their pipeline and its source action */

struct releaser {
    struct aws_client *client;
    const char *account; /* shared-services */
    struct accounts *accounts;
    struct sources *sources;
    struct known *known;
};

/* Looks that were sent and not yet answered; NULL: none (ahead.c). */
struct ahead {
    struct work_read *object;
    struct source_ask *catalog;
    struct source_ask *template;
    struct aws_asked *stack;
};

/* One application branch while it is worked on. */
struct release {
    const struct releaser *releaser;
    const char *bucket;
    const char *key;
    struct release_key names;
    struct ahead ahead;
    struct s3_head head;             /* the current object */
    const struct catalog_rule *rule; /* the catalog source is held by the caller */
    json_t *record;                  /* for the journal, filled as things become known */
    json_t *events;                  /* the journal's: what is to be put there; the caller's */
    struct reason why;
    const char *event; /* of a failure: "no-rule" … */
    const char *todo;  /* what a person does next */
};

/* Looks at the object and does what it asks for. 0 done or refused for good; WORK_E_FAILED: the message
 * belongs into the dead-letter queue; WORK_E_RETRY, WORK_E_STOPPED. What the journal is to say of it is added
 * to `events`. */
int release_handle(const struct releaser *releaser, const char *bucket, const char *key,
                   json_t *events) MUST_USE;

/* Sends all looks of the release whose names are known. */
int ahead_ask(struct release *release) MUST_USE;
/* source_answer's of the catalog, and of the rule's template. */
int ahead_catalog(struct release *release, struct source **ret) MUST_USE;
int ahead_template(struct release *release, struct source **ret) MUST_USE;
void ahead_drop(struct ahead *ahead);

/* The release stack is as the catalog wants it (release_stack.c); its tags tell. */
int release_stack_ensure(struct release *release, json_t **ret_stack) MUST_USE;
/* The stack's pipeline has an execution of the object's version (release_start.c). */
int release_start(struct release *release, const json_t *stack) MUST_USE;
/* Everything is gone (teardown.c); WORK_E_UNCHANGED when the object is no longer the zero-byte one. */
int release_teardown(struct release *release) MUST_USE;

/* Fails the release: for `return release_fail(…)` with words already in release->why. */
int release_fail(struct release *release, int outcome, const char *event, const char *todo);

int known_new(struct known **ret) MUST_USE;
void known_free(struct known **known);
/* False when nothing is known of that stack as it is now (`state` identifies its id and last update). */
bool known_find(struct known *known, const char *stack, const char *state, char ret_pipeline[128],
                char ret_action[128]);
void known_put(struct known *known, const char *stack, const char *state, const char *pipeline,
               const char *action);
