/* The list of what a step wants done. */
#include "base/mem.h"
#include "services/codepipeline/engine/engine.h"

static int effect_new(struct flow *flow, enum effect_kind kind, struct effect **ret)
{
    if (flow->effect_count == flow->effect_cap) {
        size_t cap = flow->effect_cap ? flow->effect_cap * 2 : 16;
        void *list = mem_realloc(flow->effects, cap * sizeof(*flow->effects));

        if (!list)
            return FAULT(ENOMEM);
        flow->effects = list;
        flow->effect_cap = cap;
    }
    *ret = &flow->effects[flow->effect_count++];
    **ret = (struct effect){.kind = kind};
    return 0;
}

int effect_offer(struct flow *flow, const struct execution *execution, const struct run *run)
{
    struct effect *effect;
    int r = effect_new(flow, EFFECT_OFFER, &effect);

    if (r)
        return r;
    effect->execution = execution;
    effect->run = run;
    str_copy(effect->ref, sizeof(effect->ref), run->job_id);
    return 0;
}

int effect_cancel(struct flow *flow, const char *job_id, int job_status)
{
    struct effect *effect;
    int r = effect_new(flow, EFFECT_CANCEL, &effect);

    if (r)
        return r;
    str_copy(effect->ref, sizeof(effect->ref), job_id);
    effect->job_status = job_status;
    return 0;
}

int effect_timer(struct flow *flow, const struct run *run)
{
    struct effect *effect;
    int r = effect_new(flow, EFFECT_TIMER, &effect);

    if (r)
        return r;
    str_copy(effect->ref, sizeof(effect->ref), run->id);
    effect->due_ms = run->deadline_ms;
    return 0;
}

int effect_notify(struct flow *flow, const struct execution *execution, const struct run *run)
{
    struct effect *effect;
    int r = effect_new(flow, EFFECT_NOTIFY, &effect);

    if (r)
        return r;
    effect->execution = execution;
    effect->run = run;
    str_copy(effect->ref, sizeof(effect->ref), run->id);
    return 0;
}

int effect_thaw(struct flow *flow, int64_t due_ms)
{
    struct effect *effect;
    int r = effect_new(flow, EFFECT_THAW, &effect);

    if (r == 0)
        effect->due_ms = due_ms;
    return r;
}

int effect_rollback(struct flow *flow, const struct execution *execution, const char *target_id)
{
    struct effect *effect;
    int r = effect_new(flow, EFFECT_ROLLBACK, &effect);

    if (r)
        return r;
    effect->execution = execution;
    str_copy(effect->ref, sizeof(effect->ref), target_id);
    return 0;
}

int effect_record(struct flow *flow, const struct execution *execution, const struct run *run,
                  const char *what, const char *who, const char *why)
{
    struct effect *effect;
    int r = effect_new(flow, EFFECT_RECORD, &effect);

    if (r)
        return r;
    effect->execution = execution;
    effect->run = run;
    effect->what = what;
    effect->stage = run ? run->stage : execution ? execution->plan->stages[execution->stage].name : NULL;
    effect->who = who ? str_dup(str_of(who)) : NULL;
    effect->why = why ? str_dup(str_of(why)) : NULL;
    return (who && !effect->who) || (why && !effect->why) ? FAULT(ENOMEM) : 0;
}

int effect_record_gate(struct flow *flow, const struct gate *gate, const char *what, const char *who,
                       const char *why)
{
    int r = effect_record(flow, NULL, NULL, what, who, why);

    if (r == 0)
        flow->effects[flow->effect_count - 1].stage = gate->stage;
    return r;
}
