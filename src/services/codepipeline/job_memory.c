/* Jobs in buckets by id, at most so many and so large: when there is no room the bucket's oldest goes. Offers
 * in a place by account, which two accounts may dispute. */
#include "services/codepipeline/job_memory.h"
#include "base/mem.h"
#include <pthread.h>

#define BUCKETS 128
#define WAYS 4
#define JOB_BYTES_MAX 4096 /* of a job's data; one that has more is not kept */
#define ACCOUNTS 32

struct offers {
    char account[13]; /* empty: none's */
    bool more;        /* there are younger ones */
    size_t count;
    struct job_offer list[JOB_OFFERS_KEPT];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t epoch;                     /* of all that is here */
static struct job_row jobs[BUCKETS][WAYS]; /* the youngest first; an empty id: none */
static struct offers *accounts[ACCOUNTS];

static void forget(void)
{
    for (size_t i = 0; i < (size_t)BUCKETS * WAYS; i++)
        job_row_free(&jobs[i / WAYS][i % WAYS]);
    memset(jobs, 0, sizeof(jobs));
    for (size_t i = 0; i < ACCOUNTS; i++)
        free(take(accounts[i]));
}

void job_memory_forget(void)
{
    pthread_mutex_lock(&lock);
    forget();
    pthread_mutex_unlock(&lock);
}

/* Who only reads has an epoch of its own, and would have all forgotten. */
static void enter(struct tx *tx)
{
    assert(tx_writes(tx));
    pthread_mutex_lock(&lock);
    if (epoch != tx_epoch(tx))
        forget();
    epoch = tx_epoch(tx);
}

/* ---- offers */

static struct offers **place_of(const char *account)
{
    return &accounts[str_hash(str_of(account)) % ACCOUNTS];
}

static struct offers *offers_of(const char *account)
{
    struct offers *offers = *place_of(account);

    return offers && strcmp(offers->account, account) == 0 ? offers : NULL;
}

bool job_memory_offers(struct tx *tx, const char *account, size_t max, struct job_offer *ret,
                       size_t *ret_count)
{
    const struct offers *offers;
    bool known;

    enter(tx);
    offers = offers_of(account);
    known = offers && (offers->count >= max || !offers->more);
    if (known) {
        *ret_count = offers->count < max ? offers->count : max;
        memcpy(ret, offers->list, *ret_count * sizeof(*ret));
    }
    pthread_mutex_unlock(&lock);
    return known;
}

void job_memory_set_offers(struct tx *tx, const char *account, const struct job_offer *list, size_t count,
                           bool more)
{
    struct offers **place = place_of(account);

    assert(count <= JOB_OFFERS_KEPT);
    enter(tx);
    if (!*place)
        *place = mem_alloc(sizeof(**place));
    if (*place) { /* else the rows are asked again */
        str_copy((*place)->account, sizeof((*place)->account), account);
        (*place)->more = more;
        (*place)->count = count;
        memcpy((*place)->list, list, count * sizeof(*list));
    }
    pthread_mutex_unlock(&lock);
}

static void offer_remove(struct offers *offers, const char *id)
{
    size_t i = 0;

    while (i < offers->count && strcmp(offers->list[i].id, id) != 0)
        i++;
    if (i == offers->count)
        return;
    offers->count--;
    memmove(&offers->list[i], &offers->list[i + 1], (offers->count - i) * sizeof(offers->list[0]));
}

static void offer_add(struct offers *offers, const struct job_row *row)
{
    size_t at = offers->count;

    while (at > 0 && offers->list[at - 1].created_ms > row->created_ms)
        at--;
    if (at == offers->count && (offers->more || at == JOB_OFFERS_KEPT)) {
        offers->more = true;
        return;
    }
    if (offers->count == JOB_OFFERS_KEPT) {
        offers->count--;
        offers->more = true;
    }
    memmove(&offers->list[at + 1], &offers->list[at], (offers->count - at) * sizeof(offers->list[0]));
    str_copy(offers->list[at].id, sizeof(offers->list[at].id), row->job.id);
    offers->list[at].created_ms = row->created_ms;
    offers->count++;
}

static void offers_put(const struct job_row *row)
{
    struct offers *offers = row->custom ? NULL : offers_of(row->account);

    if (!offers)
        return;
    offer_remove(offers, row->job.id);
    if (row->job.status == JOB_QUEUED)
        offer_add(offers, row);
}

/* ---- jobs */

/* Of those who are given an unpacked one, its data is their own. */
static int copy(const struct job_row *row, struct job_row *ret)
{
    struct job_row made = *row;

    made.data = NULL;
    made.packed = str_dup(str_of(row->packed));
    made.role_arn = row->role_arn ? str_dup(str_of(row->role_arn)) : NULL;
    if (!made.packed || (row->role_arn && !made.role_arn)) {
        job_row_free(&made);
        return FAULT(ENOMEM);
    }
    *ret = made;
    return 0;
}

static struct job_row *bucket_of(const char *id)
{
    return jobs[str_hash(str_of(id)) % BUCKETS];
}

static struct job_row *job_of(const char *id)
{
    struct job_row *bucket = bucket_of(id);

    for (size_t i = 0; i < WAYS; i++)
        if (strcmp(bucket[i].job.id, id) == 0)
            return &bucket[i];
    return NULL;
}

int job_memory_find(struct tx *tx, const char *id, struct job_row *ret)
{
    const struct job_row *row;
    int r;

    if (!tx_writes(tx) || !id[0])
        return DB_NONE;
    enter(tx);
    row = job_of(id);
    r = row ? copy(row, ret) : DB_NONE;
    pthread_mutex_unlock(&lock);
    return r;
}

static void job_remove(const char *id)
{
    struct job_row *row = job_of(id), *last = bucket_of(id) + WAYS - 1;

    if (!row)
        return;
    job_row_free(row);
    memmove(row, row + 1, (size_t)(last - row) * sizeof(*row));
    *last = (struct job_row){0};
}

/* Only what a worker has or may get. */
static bool is_under_way(const struct job_row *row)
{
    return !job_ended(&row->job) && row->packed && strlen(row->packed) <= JOB_BYTES_MAX;
}

static void job_add(const struct job_row *row)
{
    struct job_row *bucket = bucket_of(row->job.id), made;

    if (copy(row, &made)) /* no memory: its row is read instead */
        return;
    job_row_free(&bucket[WAYS - 1]);
    memmove(bucket + 1, bucket, (WAYS - 1) * sizeof(*bucket));
    bucket[0] = made;
}

void job_memory_put(struct tx *tx, const struct job_row *row)
{
    struct job_row *known;

    enter(tx);
    offers_put(row);
    known = job_of(row->job.id);
    if (known && is_under_way(row))
        known->job = row->job;
    else if (known)
        job_remove(row->job.id);
    else if (is_under_way(row))
        job_add(row);
    pthread_mutex_unlock(&lock);
}
