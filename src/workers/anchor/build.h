/* A leased build while it runs: build.c is its life, build_phases.c its commands, build_session.c its shell.
 */
#pragma once

#include "workers/anchor/build_env.h"
#include "workers/anchor/build_log.h"
#include "workers/anchor/room.h"
#include "workers/anchor/work.h"

struct build {
    const struct anchor *anchor;
    json_t *tree; /* as PollForBuilds gave it */
    const char *id;
    const char *nonce;
    struct lease lease;
    struct aws_client *client; /* of the project's service role, or slipway-deploy */
    struct build_log log;
    struct room *room;
    struct work_read *source; /* asked for; NULL: not, or it is here */
    struct buildspec spec;
    struct build_env env;
    struct session *session; /* NULL: none is open */
    json_t *passed;          /* phases that are over and not told: they go with the next report */
    int64_t deadline_ms;
    const char *phase;      /* the one under way, as the API names it */
    int64_t phase_began_ms; /* 0: the service knows */
    int64_t phase_due_ms;   /* when it is told that it is under way, of clock_mono_ms; INT64_MAX: it was */
    bool phase_over;        /* it has failed */
    struct reason why;      /* of the first failure */
    const char *status;     /* the final one, once known: "FAILED", "TIMED_OUT" … */
    json_t *exported;       /* [{name, value}] */
    json_t *artifacts;      /* {location, sha256sum}; NULL: none */
    struct job *job;        /* that it is part of; NULL: of none */
    int (*finish)(struct job *job, json_t *report); /* build_run_within's; NULL: they end apart */
    json_t *ended; /* as the last report's answer shows it; NULL: it did not */
};

/* A phase begins, the one before has succeeded unless it failed. A short one is told with the next report. */
int build_phase(struct build *build, const char *phase) MUST_USE;
/* Tells at once: it will take long. */
int build_phase_tell(struct build *build) MUST_USE;
/* A phase without commands: told by the next report. */
int build_phase_passed(struct build *build, const char *phase) MUST_USE;
/* struct session_output's two, `ctx` being the build: the log's lines, and a phase that takes longer. */
int64_t build_due_ms(void *build);
void build_flush(void *build);
/* Ends the phase under way as FAILED and settles the build's status, unless an earlier failure did. */
void build_phase_failed(struct build *build, const char *status, const char *code);
/* Asks for a source that is not in the cache, so that it comes meanwhile; then has it in the room. */
int build_source_ask(struct build *build) MUST_USE;
int build_source_get(struct build *build) MUST_USE;
/* Runs the buildspec's phases. 0 also when a command failed (build->status says so); WORK_E_STOPPED when
 * cancelled; faults. */
int build_phases_run(struct build *build) MUST_USE;
/* Has the room's shell, where it will do, prepare for the first command meanwhile. */
bool build_session_begin(struct build *build);
/* Runs one step of the buildspec's shell; *ret_status is its exit status. 0, SESSION_E_START, _TIMEOUT,
 * _CANCELLED. */
int build_step(struct build *build, const char *text, int *ret_status) MUST_USE;
