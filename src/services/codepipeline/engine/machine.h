/* The state machines of executions, actions, jobs and stages: their states' names, as stored and as AWS shows
 * them, and which state may follow which. Only machine_move changes a state. */
#pragma once

#include "base/base.h"

enum execution_status {
    EXECUTION_IN_PROGRESS,
    EXECUTION_STOPPING,
    EXECUTION_STOPPED,
    EXECUTION_SUCCEEDED,
    EXECUTION_FAILED,
    EXECUTION_SUPERSEDED,
    EXECUTION_CANCELLED, /* its pipeline was deleted */
};

enum execution_place {
    PLACE_WAITING, /* before its stage */
    PLACE_RUNNING, /* in its stage, which it holds */
    PLACE_ENDED,
};

enum action_status { ACTION_IN_PROGRESS, ACTION_SUCCEEDED, ACTION_FAILED, ACTION_ABANDONED };

enum stage_status {
    STAGE_NONE,
    STAGE_IN_PROGRESS,
    STAGE_SUCCEEDED,
    STAGE_FAILED,
    STAGE_STOPPED,
    STAGE_SKIPPED, /* its entry condition was not met, and says so */
};

/* Of a stage's condition in one execution. */
enum condition_status {
    CONDITION_NONE, /* not looked at yet */
    CONDITION_IN_PROGRESS,
    CONDITION_SUCCEEDED,
    CONDITION_FAILED,
    CONDITION_OVERRIDDEN,
    CONDITION_ABANDONED, /* the execution ended while its rules were asked */
};

enum job_status {
    JOB_QUEUED,
    JOB_DISPATCHED,
    JOB_IN_PROGRESS,
    JOB_SUCCEEDED,
    JOB_FAILED,
    JOB_TIMED_OUT,
    JOB_CANCELLED,
};

struct machine {
    const char *name;
    const char *const *states;
    const unsigned *next; /* bit set of the states that may follow */
    int count;
};

extern const struct machine machine_execution;
extern const struct machine machine_place;
extern const struct machine machine_action;
extern const struct machine machine_stage;
extern const struct machine machine_condition;
extern const struct machine machine_job;

/* Moves the state; a transition that the table does not have is a programmer's mistake and asserts. */
void machine_move(const struct machine *machine, int *state, int to);
bool machine_may(const struct machine *machine, int state, int to);
const char *machine_name(const struct machine *machine, int state);
/* -1: no state is called so. */
int machine_state(const struct machine *machine, const char *name);
