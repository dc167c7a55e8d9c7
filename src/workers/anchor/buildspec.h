/* buildspec.yml, version 0.2: what a build runs and what it keeps.
 * Source: CodeBuild User Guide, "Build specification reference". */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/reason.h"
#include <jansson.h>

#define BUILDSPEC_MAX_BYTES 262144
#define BUILDSPEC_E_BAD 1

enum buildspec_phase_id { PHASE_INSTALL, PHASE_PRE_BUILD, PHASE_BUILD, PHASE_POST_BUILD, BUILDSPEC_PHASES };

struct buildspec_phase {
    const json_t *commands; /* list of strings; NULL: none */
    const json_t *finally;  /* the same */
    bool on_failure_continue;
};

struct buildspec {
    json_t *tree; /* what all else borrows from */
    const char *shell;
    const json_t *variables;       /* env.variables: name → string; NULL: none */
    const json_t *parameter_store; /* env.parameter-store: name → parameter's name */
    const json_t *exported;        /* env.exported-variables: list of names */
    struct buildspec_phase phases[BUILDSPEC_PHASES];
    const json_t *artifact_files; /* list of patterns; NULL: no artifacts */
    const char *artifact_base;    /* base-directory; NULL: the source folder */
    bool artifact_flat;           /* discard-paths */
    struct buf ignored;           /* what was read and has no effect here, for the log; may be empty */
};

/* BUILDSPEC_E_BAD with line, path and words. */
int buildspec_parse(struct str text, struct buildspec *ret, struct reason *why) MUST_USE;
void buildspec_deinit(struct buildspec *spec);                 /* CLEANUP-able on a zeroed one */
const char *buildspec_phase_shown(enum buildspec_phase_id id); /* "PRE_BUILD" */
