/* Plans that were read lately, by their text: most steps of most pipelines find theirs here. What decides is
 * the text itself, as the database has it now: a version that was never committed does no harm. */
#include "base/mem.h"
#include "services/codepipeline/engine/plan.h"
#include "wire/json.h"
#include <pthread.h>

#define SLOTS 512
#define HASHED 256
#define TEXTS_MAX ((size_t)1 << 20) /* of all together; their trees take some ten times as much */

struct slot {
    char *text;
    size_t len;
    struct plan *plan;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot slots[SLOTS];
static size_t held; /* bytes of texts */
static size_t hand; /* the next to go when there is no room */

/* Of some of its bytes: names and versions are near the end, keys being in order. */
static size_t slot_of(struct str text)
{
    struct str head = {text.ptr, text.len < HASHED ? text.len : HASHED};
    struct str tail = {text.ptr + text.len - head.len, head.len};

    return (size_t)((str_hash(head) * 3 + str_hash(tail) + text.len) % SLOTS);
}

static void slot_clear(struct slot *slot)
{
    held -= slot->len;
    slot->len = 0;
    free(take(slot->text));
    plan_free(&slot->plan);
}

static struct plan *find(const struct slot *slot, struct str text)
{
    struct plan *plan = NULL;

    pthread_mutex_lock(&lock);
    if (slot->plan && slot->len == text.len && memcmp(slot->text, text.ptr, text.len) == 0) {
        plan = slot->plan;
        atomic_fetch_add(&plan->users, 1);
    }
    pthread_mutex_unlock(&lock);
    return plan;
}

static void keep(struct slot *slot, struct str text, struct plan *plan)
{
    char *copy = text.len <= TEXTS_MAX / 4 ? str_dup(text) : NULL;

    if (!copy)
        return;
    pthread_mutex_lock(&lock);
    slot_clear(slot);
    while (held + text.len > TEXTS_MAX)
        slot_clear(&slots[hand++ % SLOTS]);
    *slot = (struct slot){copy, text.len, plan};
    held += text.len;
    atomic_fetch_add(&plan->users, 1);
    pthread_mutex_unlock(&lock);
}

int plan_shared(struct str text, int64_t version, struct plan **ret)
{
    struct slot *slot = &slots[slot_of(text)];
    CLEANUP(json_free) json_t *declaration = NULL;
    int r;

    *ret = find(slot, text);
    if (*ret)
        return 0;
    r = json_unpack_text(text, &declaration);
    if (r == 0)
        r = plan_new(declaration, version, ret);
    if (r == 0)
        keep(slot, text, *ret);
    return r;
}
