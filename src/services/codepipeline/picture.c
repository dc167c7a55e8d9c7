/* Pictures by pipeline, in slots of which each pipeline may have one of a few: when these are taken, the next
 * to come takes one of them, and while all together are too many, the slots are emptied in turn. */
#include "services/codepipeline/picture.h"
#include "base/clock.h"
#include "services/codepipeline/store_freeze.h"
#include <pthread.h>

#define SLOTS 256
#define WAYS 4          /* slots that a pipeline may have */
#define WEIGHT_MAX 6000 /* executions, runs and plans' actions of all together; each has some kilobytes */

struct slot {
    struct pipeline pipeline;
    uint64_t epoch; /* of the transaction that kept it */
    struct flow *flow;
    size_t weight;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot slots[SLOTS];
static size_t held; /* the slots' weights */
static size_t hand; /* the next to go when there is no room: moves on with each that goes */

/* The pipeline's; else one that is free; else any of those that it may have. */
static struct slot *slot_of(const char *pipeline_id)
{
    uint64_t hash = str_hash(str_of(pipeline_id));
    struct slot *set = &slots[hash % (SLOTS / WAYS) * WAYS], *free_one = NULL;

    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].flow && strcmp(set[i].pipeline.id, pipeline_id) == 0)
            return &set[i];
        if (!set[i].flow)
            free_one = &set[i];
    }
    return free_one ? free_one : &set[hand % WAYS];
}

static struct flow *slot_take(struct slot *slot)
{
    held -= slot->weight;
    slot->weight = 0;
    return take(slot->flow);
}

static void slot_clear(struct slot *slot)
{
    struct flow *flow = slot_take(slot);

    flow_free(&flow);
}

static struct flow *find(const struct pipeline *pipeline)
{
    struct flow *flow = NULL;
    struct slot *slot;

    pthread_mutex_lock(&lock);
    slot = slot_of(pipeline->id);
    if (slot->flow && slot->pipeline.stamp == pipeline->stamp && strcmp(slot->pipeline.id, pipeline->id) == 0)
        flow = slot_take(slot);
    pthread_mutex_unlock(&lock);
    return flow;
}

bool picture_pipeline(struct tx *tx, const char *id, struct pipeline *ret)
{
    const struct slot *slot;
    bool kept;

    if (!tx_writes(tx))
        return false;
    pthread_mutex_lock(&lock);
    slot = slot_of(id);
    kept = slot->flow && slot->epoch == tx_epoch(tx) && strcmp(slot->pipeline.id, id) == 0;
    if (kept)
        *ret = slot->pipeline;
    pthread_mutex_unlock(&lock);
    return kept;
}

void picture_drop(const char *pipeline_id)
{
    struct slot *slot;

    pthread_mutex_lock(&lock);
    slot = slot_of(pipeline_id);
    if (slot->flow && strcmp(slot->pipeline.id, pipeline_id) == 0)
        slot_clear(slot);
    pthread_mutex_unlock(&lock);
}

int picture_open(struct tx *tx, const struct pipeline *pipeline, const char *also, struct flow **ret)
{
    CLEANUP(flow_free) struct flow *flow = find(pipeline);
    int r;

    if (!flow || (also && !flow_execution(flow, also)))
        return flow_load(tx, pipeline, also, ret);
    flow->now_ms = clock_now_ms();
    r = freezes_load(tx, pipeline->account, flow->now_ms, flow);
    if (r == 0)
        *ret = take(flow);
    return r;
}

static size_t weight_of(const struct flow *flow)
{
    size_t weight = 1;

    for (size_t i = 0; i < flow->execution_count; i++)
        weight += 1 + flow->executions[i]->run_count;
    for (size_t i = 0; i < flow->plan_count; i++)
        for (size_t k = 0; k < flow->plans[i]->stage_count; k++)
            weight += flow->plans[i]->stages[k].total;
    return weight;
}

void picture_keep(struct tx *tx, const struct pipeline *pipeline, struct flow **flow)
{
    struct slot *slot;
    size_t weight;

    if ((*flow)->stamp != pipeline->stamp)
        return;
    flow_settle(*flow, pipeline->version);
    weight = weight_of(*flow);
    if (weight > WEIGHT_MAX)
        return;
    pthread_mutex_lock(&lock);
    slot = slot_of(pipeline->id);
    slot_clear(slot);
    while (held + weight > WEIGHT_MAX)
        slot_clear(&slots[hand++ % SLOTS]);
    slot->pipeline = *pipeline;
    slot->epoch = tx_epoch(tx);
    slot->weight = weight;
    slot->flow = take(*flow);
    held += weight;
    pthread_mutex_unlock(&lock);
}

int64_t picture_stamp(void)
{
    return (int64_t)(id_number() & INT64_MAX) | 1; /* 0: a row of before there were stamps */
}
