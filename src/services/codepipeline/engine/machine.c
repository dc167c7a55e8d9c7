/* The tables of states and legal transitions. */
#include "services/codepipeline/engine/machine.h"

#define BIT(state) (1U << (unsigned)(state))

static const char *const execution_states[] = {
    [EXECUTION_IN_PROGRESS] = "InProgress", [EXECUTION_STOPPING] = "Stopping",
    [EXECUTION_STOPPED] = "Stopped",        [EXECUTION_SUCCEEDED] = "Succeeded",
    [EXECUTION_FAILED] = "Failed",          [EXECUTION_SUPERSEDED] = "Superseded",
    [EXECUTION_CANCELLED] = "Cancelled",
};

/* A failed or stopped execution runs again by RetryStageExecution. */
static const unsigned execution_next[] = {
    [EXECUTION_IN_PROGRESS] = BIT(EXECUTION_STOPPING) | BIT(EXECUTION_STOPPED) | BIT(EXECUTION_SUCCEEDED) |
                              BIT(EXECUTION_FAILED) | BIT(EXECUTION_SUPERSEDED) | BIT(EXECUTION_CANCELLED),
    [EXECUTION_STOPPING] = BIT(EXECUTION_STOPPED) | BIT(EXECUTION_CANCELLED),
    [EXECUTION_STOPPED] = BIT(EXECUTION_IN_PROGRESS),
    [EXECUTION_SUCCEEDED] = 0,
    [EXECUTION_FAILED] = BIT(EXECUTION_IN_PROGRESS),
    [EXECUTION_SUPERSEDED] = 0,
    [EXECUTION_CANCELLED] = 0,
};

const struct machine machine_execution = {"execution", execution_states, execution_next,
                                          ARRAY_LEN(execution_states)};

static const char *const place_states[] = {
    [PLACE_WAITING] = "Waiting",
    [PLACE_RUNNING] = "Running",
    [PLACE_ENDED] = "Ended",
};

static const unsigned place_next[] = {
    [PLACE_WAITING] = BIT(PLACE_RUNNING) | BIT(PLACE_ENDED),
    [PLACE_RUNNING] = BIT(PLACE_WAITING) | BIT(PLACE_ENDED),
    [PLACE_ENDED] = BIT(PLACE_RUNNING),
};

const struct machine machine_place = {"place", place_states, place_next, ARRAY_LEN(place_states)};

static const char *const action_states[] = {
    [ACTION_IN_PROGRESS] = "InProgress",
    [ACTION_SUCCEEDED] = "Succeeded",
    [ACTION_FAILED] = "Failed",
    [ACTION_ABANDONED] = "Abandoned",
};

static const unsigned action_next[] = {
    [ACTION_IN_PROGRESS] = BIT(ACTION_SUCCEEDED) | BIT(ACTION_FAILED) | BIT(ACTION_ABANDONED),
    [ACTION_SUCCEEDED] = 0,
    [ACTION_FAILED] = 0,
    [ACTION_ABANDONED] = 0,
};

const struct machine machine_action = {"action", action_states, action_next, ARRAY_LEN(action_states)};

static const char *const stage_states[] = {
    [STAGE_NONE] = "None",     [STAGE_IN_PROGRESS] = "InProgress", [STAGE_SUCCEEDED] = "Succeeded",
    [STAGE_FAILED] = "Failed", [STAGE_STOPPED] = "Stopped",        [STAGE_SKIPPED] = "Skipped",
};

/* Whatever became of the last execution in a stage, the next may enter. */
static const unsigned stage_next[] = {
    [STAGE_NONE] = BIT(STAGE_IN_PROGRESS),
    [STAGE_IN_PROGRESS] = BIT(STAGE_SUCCEEDED) | BIT(STAGE_FAILED) | BIT(STAGE_STOPPED) | BIT(STAGE_SKIPPED),
    [STAGE_SUCCEEDED] = BIT(STAGE_IN_PROGRESS),
    [STAGE_FAILED] = BIT(STAGE_IN_PROGRESS),
    [STAGE_STOPPED] = BIT(STAGE_IN_PROGRESS),
    [STAGE_SKIPPED] = BIT(STAGE_IN_PROGRESS),
};

const struct machine machine_stage = {"stage", stage_states, stage_next, ARRAY_LEN(stage_states)};

static const char *const condition_states[] = {
    [CONDITION_NONE] = "None",
    [CONDITION_IN_PROGRESS] = "InProgress",
    [CONDITION_SUCCEEDED] = "Succeeded",
    [CONDITION_FAILED] = "Failed",
    [CONDITION_OVERRIDDEN] = "Overridden",
    [CONDITION_ABANDONED] = "Abandoned",
};

/* Back to None: its stage is run again. */
static const unsigned condition_next[] = {
    [CONDITION_NONE] = BIT(CONDITION_IN_PROGRESS),
    [CONDITION_IN_PROGRESS] = BIT(CONDITION_SUCCEEDED) | BIT(CONDITION_FAILED) | BIT(CONDITION_OVERRIDDEN) |
                              BIT(CONDITION_ABANDONED),
    [CONDITION_SUCCEEDED] = BIT(CONDITION_NONE),
    [CONDITION_FAILED] = BIT(CONDITION_OVERRIDDEN) | BIT(CONDITION_NONE),
    [CONDITION_OVERRIDDEN] = BIT(CONDITION_NONE),
    [CONDITION_ABANDONED] = BIT(CONDITION_NONE),
};

const struct machine machine_condition = {"condition", condition_states, condition_next,
                                          ARRAY_LEN(condition_states)};

static const char *const job_states[] = {
    [JOB_QUEUED] = "Queued",       [JOB_DISPATCHED] = "Dispatched", [JOB_IN_PROGRESS] = "InProgress",
    [JOB_SUCCEEDED] = "Succeeded", [JOB_FAILED] = "Failed",         [JOB_TIMED_OUT] = "TimedOut",
    [JOB_CANCELLED] = "Cancelled",
};

/* Back to Queued: the lease ran out or was handed back. */
static const unsigned job_next[] = {
    [JOB_QUEUED] = BIT(JOB_DISPATCHED) | BIT(JOB_TIMED_OUT) | BIT(JOB_CANCELLED),
    [JOB_DISPATCHED] = BIT(JOB_IN_PROGRESS) | BIT(JOB_QUEUED) | BIT(JOB_TIMED_OUT) | BIT(JOB_CANCELLED),
    [JOB_IN_PROGRESS] =
        BIT(JOB_QUEUED) | BIT(JOB_SUCCEEDED) | BIT(JOB_FAILED) | BIT(JOB_TIMED_OUT) | BIT(JOB_CANCELLED),
    [JOB_SUCCEEDED] = 0,
    [JOB_FAILED] = 0,
    [JOB_TIMED_OUT] = 0,
    [JOB_CANCELLED] = 0,
};

const struct machine machine_job = {"job", job_states, job_next, ARRAY_LEN(job_states)};

bool machine_may(const struct machine *machine, int state, int to)
{
    assert(state >= 0 && state < machine->count && to >= 0 && to < machine->count);
    return machine->next[state] & BIT(to);
}

void machine_move(const struct machine *machine, int *state, int to)
{
    assert(machine_may(machine, *state, to));
    *state = to;
}

const char *machine_name(const struct machine *machine, int state)
{
    assert(state >= 0 && state < machine->count);
    return machine->states[state];
}

int machine_state(const struct machine *machine, const char *name)
{
    for (int i = 0; name && i < machine->count; i++)
        if (strcmp(machine->states[i], name) == 0)
            return i;
    return -1;
}
