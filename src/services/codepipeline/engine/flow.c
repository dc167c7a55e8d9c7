/* Building and freeing the picture of one pipeline. */
#include "base/mem.h"
#include "services/codepipeline/engine/effect.h"
#include "services/codepipeline/engine/freeze.h"
#include "wire/json.h"

static void make_id(void *context, bool ordered, char ret[ID_UUID_SIZE])
{
    (void)context;
    if (ordered)
        id_uuid_ordered(ret);
    else
        id_uuid(ret);
}

struct flow *flow_new(void)
{
    struct flow *flow = mem_alloc(sizeof(*flow));

    if (flow)
        flow->make_id = make_id;
    return flow;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    json_free(&run->detail);
    free(run->packed);
    free(run);
}

int run_unpack(struct run *run)
{
    return run->detail ? 0 : json_unpack_text(str_of(run->packed), &run->detail);
}

void execution_free(struct execution *execution)
{
    for (size_t i = 0; i < execution->run_count; i++)
        run_free(execution->runs[i]);
    free(execution->runs);
    json_free(&execution->data);
    free(execution);
}

static void gate_free(struct gate *gate)
{
    free(gate->reason);
    free(gate->changed_by);
    free(gate);
}

/* What belongs to one step alone. */
static void step_clear(struct flow *flow)
{
    for (size_t i = 0; i < flow->retired_count; i++)
        run_free(flow->retired[i]);
    for (size_t i = 0; i < flow->effect_count; i++) {
        free(flow->effects[i].who);
        free(flow->effects[i].why);
    }
    for (size_t i = 0; i < flow->freeze_count; i++)
        freeze_free(flow->freezes[i]);
    flow->retired_count = flow->effect_count = flow->freeze_count = 0;
}

void flow_free(struct flow **flow_pointer)
{
    struct flow *flow = take(*flow_pointer);

    if (!flow)
        return;
    step_clear(flow);
    for (size_t i = 0; i < flow->execution_count; i++)
        execution_free(flow->executions[i]);
    for (size_t i = 0; i < flow->gate_count; i++)
        gate_free(flow->gates[i]);
    for (size_t i = 0; i < flow->plan_count; i++)
        plan_free(&flow->plans[i]);
    free(flow->freezes);
    free(flow->executions);
    free(flow->retired);
    free(flow->gates);
    free(flow->plans);
    free(flow->effects);
    free(flow);
}

int flow_add_execution(struct flow *flow, struct execution *execution)
{
    void *list = mem_realloc(flow->executions, (flow->execution_count + 1) * sizeof(void *));
    size_t at;

    if (!list) {
        execution_free(execution);
        return FAULT(ENOMEM);
    }
    flow->executions = list;
    at = flow->execution_count++;
    for (; at > 0 && flow->executions[at - 1]->seq > execution->seq; at--)
        flow->executions[at] = flow->executions[at - 1];
    flow->executions[at] = execution;
    return 0;
}

int flow_add_gate(struct flow *flow, struct gate *gate)
{
    void *list = mem_realloc(flow->gates, (flow->gate_count + 1) * sizeof(void *));

    if (!list) {
        gate_free(gate);
        return FAULT(ENOMEM);
    }
    flow->gates = list;
    flow->gates[flow->gate_count++] = gate;
    return 0;
}

int flow_add_plan(struct flow *flow, struct plan *plan)
{
    void *list = mem_realloc(flow->plans, (flow->plan_count + 1) * sizeof(void *));

    if (!list) {
        plan_free(&plan);
        return FAULT(ENOMEM);
    }
    flow->plans = list;
    flow->plans[flow->plan_count++] = plan;
    return 0;
}

int flow_add_freeze(struct flow *flow, struct freeze *freeze)
{
    void *list = mem_realloc(flow->freezes, (flow->freeze_count + 1) * sizeof(void *));

    if (!list) {
        freeze_free(freeze);
        return FAULT(ENOMEM);
    }
    flow->freezes = list;
    flow->freezes[flow->freeze_count++] = freeze;
    return 0;
}

struct plan *flow_plan(const struct flow *flow, int64_t version)
{
    for (size_t i = 0; i < flow->plan_count; i++)
        if (flow->plans[i]->version == version)
            return flow->plans[i];
    return NULL;
}

struct execution *flow_execution(const struct flow *flow, const char *id)
{
    for (size_t i = 0; i < flow->execution_count; i++)
        if (strcmp(flow->executions[i]->id, id) == 0)
            return flow->executions[i];
    return NULL;
}

struct gate *flow_gate(struct flow *flow, const char *stage)
{
    struct gate *gate;

    for (size_t i = 0; i < flow->gate_count; i++)
        if (strcmp(flow->gates[i]->stage, stage) == 0)
            return flow->gates[i];
    gate = mem_alloc(sizeof(*gate));
    if (!gate)
        return NULL;
    str_copy(gate->stage, sizeof(gate->stage), stage);
    gate->enabled = true;
    gate->fresh = true;
    return flow_add_gate(flow, gate) ? NULL : gate;
}

static bool plan_used(const struct flow *flow, const struct plan *plan)
{
    for (size_t i = 0; i < flow->execution_count; i++)
        if (flow->executions[i]->plan == plan)
            return true;
    return false;
}

static void execution_settle(struct execution *execution)
{
    execution->fresh = execution->dirty = false;
    for (size_t i = 0; i < execution->run_count; i++)
        if (execution->runs[i])
            execution->runs[i]->fresh = execution->runs[i]->dirty = false;
}

void flow_settle(struct flow *flow, int64_t version)
{
    size_t executions = flow->execution_count, plans = flow->plan_count;

    step_clear(flow);
    flow->execution_count = flow->plan_count = 0;
    for (size_t i = 0; i < executions; i++) {
        struct execution *execution = flow->executions[i];

        if (execution->place == PLACE_ENDED) {
            execution_free(execution);
            continue;
        }
        execution_settle(execution);
        flow->executions[flow->execution_count++] = execution;
    }
    for (size_t i = 0; i < plans; i++) {
        struct plan *plan = flow->plans[i];

        if (plan->version == version || plan_used(flow, plan))
            flow->plans[flow->plan_count++] = plan;
        else
            plan_free(&plan);
    }
    for (size_t i = 0; i < flow->gate_count; i++)
        flow->gates[i]->fresh = flow->gates[i]->dirty = false;
}
