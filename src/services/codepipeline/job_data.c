/* One slot for the jobs whose ids fall to it: the last has it. */
#include "services/codepipeline/job_data.h"
#include "base/id.h"
#include <pthread.h>

#define SLOTS 256

struct slot {
    char job_id[ID_UUID_SIZE];
    json_t *data;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot slots[SLOTS];

static struct slot *slot_of(const char *job_id)
{
    return &slots[str_hash(str_of(job_id)) % SLOTS];
}

void job_data_keep(const char *job_id, json_t *data)
{
    struct slot *slot = slot_of(job_id);
    json_t *before;

    pthread_mutex_lock(&lock);
    before = slot->data;
    slot->data = json_incref(data);
    str_copy(slot->job_id, sizeof(slot->job_id), job_id);
    pthread_mutex_unlock(&lock);
    json_decref(before);
}

json_t *job_data_find(const char *job_id)
{
    const struct slot *slot = slot_of(job_id);
    json_t *data = NULL;

    pthread_mutex_lock(&lock);
    if (slot->data && strcmp(slot->job_id, job_id) == 0)
        data = json_incref(slot->data);
    pthread_mutex_unlock(&lock);
    return data;
}
