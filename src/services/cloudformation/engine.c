/* See engine.h. */
#include "services/cloudformation/engine.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "services/cloudformation/resource.h"
#include "services/service.h"
#include "wire/json.h"
#include <pthread.h>
#include <stdio.h>

#define RETRY_MS 1000 /* after a fault: the disk may have room again */

struct phase {
    const char *status;
    int (*run)(struct step *step);
};

static const struct phase phases[] = {
    {"CREATE_IN_PROGRESS", step_forward},
    {"UPDATE_IN_PROGRESS", step_forward},
    {"ROLLBACK_IN_PROGRESS", step_delete},
    {"DELETE_IN_PROGRESS", step_delete},
    {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", step_cleanup},
    {"UPDATE_ROLLBACK_IN_PROGRESS", step_update_rollback},
    {"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", step_cleanup},
};

int step_run(struct step *step, int (*function)(struct resource_work *work), const json_t *row,
             const json_t *properties, const json_t *before, char ret_physical_id[], json_t **ret_attributes)
{
    CLEANUP(json_free) json_t *attributes = json_object();
    struct resource_work work = {
        .tx = step->tx,
        .platform = step->platform,
        .account = step->stack->account,
        .stack_name = step->stack->name,
        .stack_id = step->stack->id,
        .logical_id = json_str(row, "LogicalResourceId", ""),
        .actor = json_str(step->stack->doc, "Actor", ""),
        .properties = properties,
        .before = before,
        .attributes = attributes,
        .why = &step->why,
    };

    if (!attributes)
        return FAULT(ENOMEM);
    (void)snprintf(work.physical_id, sizeof(work.physical_id), "%s", json_str(row, "PhysicalResourceId", ""));
    step->why.text[0] = '\0';
    int err = function(&work);
    if (err > 0) {
        if (!*step->why.text)
            reason_set(&step->why, 0, "the service refused it (outcome %d)", err);
        (void)snprintf(step->failing, sizeof(step->failing), "%s", work.logical_id);
        return STEP_FAILED;
    }
    if (err)
        return err;
    if (ret_physical_id)
        memcpy(ret_physical_id, work.physical_id, PHYSICAL_ID_SIZE);
    if (ret_attributes)
        *ret_attributes = take(attributes);
    return 0;
}

struct ordered {
    int64_t seq;
    json_t *row;
};

static int later_first(const void *a, const void *b)
{
    const struct ordered *x = a, *y = b;

    return x->seq < y->seq ? 1 : x->seq > y->seq ? -1 : 0;
}

int step_rows_backward(const struct step *step, json_t **ret)
{
    size_t count = json_object_size(step->rows), n = 0;
    CLEANUP(free_ptr) struct ordered *all = mem_alloc((count + 1) * sizeof(*all));
    CLEANUP(json_free) json_t *list = json_array();
    const char *id;
    json_t *row;

    if (!all || !list)
        return FAULT(ENOMEM);
    json_object_foreach (step->rows, id, row)
        all[n++] = (struct ordered){json_int(row, "seq", 0), row};
    qsort(all, n, sizeof(*all), later_first);
    for (size_t i = 0; i < n; i++)
        if (json_array_append(list, all[i].row))
            return FAULT(ENOMEM);
    *ret = take(list);
    return 0;
}

static int run_phase(struct step *step)
{
    for (size_t i = 0; i < ARRAY_LEN(phases); i++)
        if (strcmp(phases[i].status, step->stack->status) == 0)
            return phases[i].run(step);
    return 0;
}

/* One transaction. DB_NONE: nothing left to do. STEP_FAILED: `failed` has grown, come again. */
static int step_once(const struct platform *platform, const char *account, const char *id, json_t *failed)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(stack_unload) struct stack stack = {.doc = NULL};
    CLEANUP(json_free) json_t *rows = NULL;
    int err = db_begin(platform->db, &tx);

    if (!err)
        err = stack_find(tx, account, id, &stack);
    if (err)
        return err;
    if (!stack_busy(stack.status))
        return DB_NONE;
    err = resource_load(tx, id, &rows);
    if (err)
        return err;
    struct step step = {.tx = tx,
                        .platform = platform,
                        .stack = &stack,
                        .rows = rows,
                        .failed = failed,
                        .budget = STEP_RESOURCES_MAX};
    err = run_phase(&step);
    if (err == STEP_FAILED) {
        db_end(&tx);
        return json_put_str(failed, step.failing, step.why.text) ? FAULT(ENOMEM) : STEP_FAILED;
    }
    if (err)
        return err;
    json_object_clear(failed);
    return db_commit(&tx);
}

int engine_drive(const struct platform *platform, const char *account, const char *stack_id)
{
    CLEANUP(json_free) json_t *failed = json_object();
    int err;

    if (!failed)
        return FAULT(ENOMEM);
    do {
        err = step_once(platform, account, stack_id, failed);
    } while (err == 0 || err == STEP_FAILED);
    return err == DB_NONE ? 0 : err;
}

struct engine {
    const struct platform *platform;
    pthread_t thread;
    bool stopping; /* written before the wake-up that the thread reads it after */
    pthread_mutex_t lock;
};

static bool stopping(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    bool answer = engine->stopping;
    pthread_mutex_unlock(&engine->lock);
    return answer;
}

/* Works on every unfinished stack; false after a fault. */
static bool round_of(struct engine *engine)
{
    CLEANUP(json_free) json_t *ids = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    size_t index;
    json_t *id;
    bool good = true;
    int err = db_read(engine->platform->db, &tx);

    if (!err)
        err = stack_unfinished(tx, &ids);
    db_end(&tx);
    if (err) {
        log_warn("cloudformation", "unfinished stacks cannot be read: %s", strerror(-err));
        return false;
    }
    json_array_foreach (ids, index, id) {
        if (stopping(engine))
            return true;
        const char *stack_id = json_string_value(json_array_get(id, 1));
        err = engine_drive(engine->platform, json_string_value(json_array_get(id, 0)), stack_id);
        if (err) {
            log_warn("cloudformation", "stack %s waits: %s", stack_id, strerror(-err));
            good = false;
        }
    }
    return good;
}

static void *engine_main(void *arg)
{
    struct engine *engine = arg;

    while (!stopping(engine)) {
        wake_ticket ticket = wake_look(STACK_TOPIC_ENGINE);
        bool good = round_of(engine);
        if (!stopping(engine))
            (void)wake_wait(STACK_TOPIC_ENGINE, ticket, good ? INT64_MAX : clock_mono_ms() + RETRY_MS);
    }
    return NULL;
}

int engine_start(const struct platform *platform, void **ret_state)
{
    struct engine *engine = mem_alloc(sizeof(*engine));

    if (!engine)
        return FAULT(ENOMEM);
    engine->platform = platform;
    pthread_mutex_init(&engine->lock, NULL);
    int err = pthread_create(&engine->thread, NULL, engine_main, engine);
    if (err) {
        pthread_mutex_destroy(&engine->lock);
        free(engine);
        return FAULT(err);
    }
    *ret_state = engine;
    return 0;
}

void engine_stop(void *state)
{
    struct engine *engine = state;

    pthread_mutex_lock(&engine->lock);
    engine->stopping = true;
    pthread_mutex_unlock(&engine->lock);
    wake_signal(STACK_TOPIC_ENGINE);
    pthread_join(engine->thread, NULL);
    pthread_mutex_destroy(&engine->lock);
    free(engine);
}
