/* The simulated world of one pipeline, and its checks. */
#pragma once

#include "services/codepipeline/pipeline.h"
#include "services/service.h"
#include "sim_counts.h"

#define STAGES 5
#define ACTIONS 4
#define VERSIONS 64
#define EXECUTIONS 512
#define ROWS 4096
#define LEASES 2048
#define WORKERS 4
#define FREEZES 3
#define DRAIN_ROUNDS 3000
#define EPILOGUES 3 /* at the end of a life */
#define PIPELINE "p"

struct sim_plan {
    int mode; /* enum plan_mode */
    size_t count;
    char stages[STAGES][4]; /* names, from the same pool in every version */
    size_t actions[STAGES];
    int64_t order[STAGES][ACTIONS];
    bool entry[STAGES]; /* has an entry condition */
};

struct seen_execution {
    char id[ID_UUID_SIZE];
    char status[16];
    char place[16];
    size_t stage;
    int64_t stage_run;
    int64_t begun;   /* actions and rules before them, ever */
    bool begins;     /* another of them, in this step, in the stage where it was */
    bool superseded; /* in this step */
    bool entered;    /* a stage, in this step */
    bool waited;     /* before the same stage already when this step began */
    bool rollback;
    bool rolled_back_itself; /* this rollback was started by a failure */
    const struct sim_plan *plan;
};

struct lease {
    const char *account;
    char job_id[ID_UUID_SIZE];
    char nonce[ID_UUID_SIZE];
    json_t *outputs;
    bool accepted;
    int64_t forget_ms; /* of one whose action went on with another job: when it may be gone */
    bool success;
    bool lost; /* handed back, orphaned or run out */
};

struct sim_freeze {
    bool on;
    bool stages[STAGES];
    int64_t ends_ms;
    char allowed[ID_UUID_SIZE]; /* an execution that it lets through; empty: none */
};

struct sim {
    uint64_t random;
    uint64_t seed;
    size_t step;
    bool trace;
    char event[256];
    char folder[32];
    char path[64];
    char pipeline_id[ID_UUID_SIZE];
    struct db *db;
    struct tx *tx;
    struct platform platform;
    struct principal caller;
    int64_t now_ms;
    int64_t latest_ms; /* before the clock went back */
    struct sim_plan plans[VERSIONS];
    int64_t version;
    bool disabled[STAGES];
    struct sim_freeze freezes[FREEZES];
    struct seen_execution executions[EXECUTIONS];
    size_t execution_count;
    char retried[ID_UUID_SIZE]; /* in this step */
    char action_states[ROWS][16];
    char job_states[ROWS][16];
    int64_t first_action, first_job; /* the numbers of the seed's first rows */
    struct lease leases[LEASES];
    size_t lease_count;
    int role;          /* enum sim_role */
    int64_t their_job; /* the newest for their account */
    uint64_t counts[COUNTS];
};

extern struct sim sim;

uint64_t random_below(uint64_t limit);
bool chance(uint64_t one_in);
/* A declaration, and in *plan what the checks must know of it; `full`: with every stage. */
json_t *plan_random(struct sim_plan *plan, bool full);
/* What has happened, for the trace and for broken(). */
void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Serves what is due. */
void fire(void);
/* A new version of the pipeline; `full`: with every stage. */
void plan_change(bool full);
/* How many rows of the history say so. */
int64_t history_of(const char *what);

/* Ends the program: a rule is broken. */
_Noreturn void broken(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Faults never happen here; outcomes do. */
int no_fault(int r);
/* The one number of a query by the pipeline's id. */
int64_t scalar(const char *sql);
bool is(const char *a, const char *b);
/* The name of the stage in which, or before which, it is. */
const char *stage_of(const struct seen_execution *execution);
/* Reads sim.executions anew and checks everything. */
void check(void);
/* The picture kept in memory, if there is one, against the tables. */
void check_picture(void);
