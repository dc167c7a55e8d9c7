/* See digest_ahead.h. */
#include "services/s3/digest_ahead.h"
#include "base/mem.h"
#include "base/wake.h"
#include "services/service.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define TOPIC "s3:ahead:%p"
#define BLOBS_FIRST 64
#define STOPPED 1

int digest_init(const struct multipart *multipart, struct digest *ret)
{
    enum checksum_algorithm declared = multipart->algorithm;
    *ret = (struct digest){.sha256 = hash_new(HASH_SHA256)};
    if (!ret->sha256)
        return FAULT(ENOMEM);
    return checksum_init(&ret->checksum, declared == CHECKSUM_NONE ? CHECKSUM_CRC64NVME
                                         : multipart->composite    ? CHECKSUM_NONE
                                                                   : declared);
}

void digest_update(struct digest *digest, const void *bytes, size_t len)
{
    hash_update(digest->sha256, bytes, len);
    checksum_update(&digest->checksum, bytes, len);
}

void digest_deinit(struct digest *digest)
{
    hash_free(&digest->sha256);
    checksum_deinit(&digest->checksum);
    free_ptr(&digest->blobs);
    digest->count = digest->room = 0;
}

static int add_blob(struct digest *digest, int64_t blob)
{
    if (digest->count == digest->room) {
        size_t room = digest->room > 0 ? 2 * digest->room : BLOBS_FIRST;
        int64_t *more = mem_realloc(digest->blobs, room * sizeof(*more));
        if (!more)
            return FAULT(ENOMEM);
        digest->blobs = more;
        digest->room = room;
    }
    digest->blobs[digest->count++] = blob;
    return 0;
}

/* ---- the uploads, latest first */

struct entry {
    struct entry *next;
    const struct platform *platform;
    char upload_id[UPLOAD_ID_SIZE];
    bool due;  /* a part has come since it was looked for */
    bool busy; /* its thread reads */
    struct digest digest;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t idle = PTHREAD_COND_INITIALIZER; /* one is not busy any more */
static struct entry *entries;
static size_t entry_count;

static struct entry **find(const char *upload_id)
{
    struct entry **link = &entries;
    while (*link && strcmp((*link)->upload_id, upload_id) != 0)
        link = &(*link)->next;
    return link;
}

static struct entry *unlink_entry(struct entry **link)
{
    struct entry *entry = *link;
    assert(entry);
    *link = entry->next;
    entry_count--;
    return entry;
}

static void link_entry(struct entry *entry)
{
    entry->next = entries;
    entries = entry;
    entry_count++;
}

static void free_entry(struct entry *entry)
{
    digest_deinit(&entry->digest);
    free(entry);
}

/* The last that nobody reads for gives way. */
static void make_room(void)
{
    struct entry **last = NULL;
    for (struct entry **link = &entries; *link; link = &(*link)->next)
        if (!(*link)->busy)
            last = link;
    if (entry_count >= UPLOADS_MAX && last)
        free_entry(unlink_entry(last));
}

static struct entry *new_entry(const struct platform *platform, const struct multipart *multipart)
{
    struct entry *entry = mem_alloc(sizeof(*entry));
    if (!entry)
        return NULL;
    entry->platform = platform;
    memcpy(entry->upload_id, multipart->id, sizeof(entry->upload_id));
    if (digest_init(multipart, &entry->digest) == 0)
        return entry;
    free_entry(entry);
    return NULL;
}

static void wake(const struct platform *platform)
{
    char topic[64];
    (void)snprintf(topic, sizeof(topic), TOPIC, (const void *)platform);
    wake_signal(topic);
}

void ahead_note(const struct platform *platform, const struct multipart *multipart)
{
    pthread_mutex_lock(&lock);
    struct entry **link = find(multipart->id);
    struct entry *entry = *link ? unlink_entry(link) : NULL;
    if (!entry) {
        make_room();
        entry = new_entry(platform, multipart);
    }
    if (entry) {
        entry->due = true;
        link_entry(entry);
    }
    pthread_mutex_unlock(&lock);
    wake(platform);
}

bool ahead_take(const char *upload_id, struct digest *ret)
{
    struct entry **link;
    pthread_mutex_lock(&lock);
    while (*(link = find(upload_id)) && (*link)->busy)
        pthread_cond_wait(&idle, &lock);
    struct entry *entry = *link ? unlink_entry(link) : NULL;
    pthread_mutex_unlock(&lock);
    if (!entry)
        return false;
    *ret = entry->digest;
    free(entry);
    return true;
}

size_t ahead_look(const char *upload_id)
{
    pthread_mutex_lock(&lock);
    const struct entry *entry = *find(upload_id);
    size_t count = entry && !entry->busy ? entry->digest.count : 0;
    pthread_mutex_unlock(&lock);
    return count;
}

/* ---- the thread */

struct ahead {
    const struct platform *platform;
    pthread_t thread;
    atomic_bool stopping;
};

/* A part on its way through. */
struct passing {
    struct ahead *ahead;
    struct digest *digest;
};

static int take_some(void *ctx, const void *bytes, size_t len)
{
    struct passing *passing = ctx;
    digest_update(passing->digest, bytes, len);
    return atomic_load(&passing->ahead->stopping) ? STOPPED : 0;
}

/* The part that follows. DB_NONE: it has not come yet. After anything else than these two the digest is of
 * nothing any more. */
static int read_next(struct ahead *ahead, struct entry *entry)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(blob_source_deinit) struct blob_source source = BLOB_SOURCE_NONE;
    struct passing passing = {ahead, &entry->digest};
    struct part part;
    int rc = db_look(ahead->platform->db, DB_ANYTHING, &tx);
    if (rc == 0)
        rc = part_find(tx, entry->upload_id, (int64_t)entry->digest.count + 1, &part);
    if (rc != 0)
        return rc;
    rc = blob_open(tx, ahead->platform, part.blob, &source);
    if (rc == 0)
        rc = db_commit(&tx);
    if (rc == 0)
        rc = blob_each(&source, 0, part.size, take_some, &passing);
    return rc == 0 ? add_blob(&entry->digest, part.blob) : -EIO;
}

static struct entry *next_due(const struct platform *platform)
{
    pthread_mutex_lock(&lock);
    struct entry *entry = entries;
    while (entry && (entry->platform != platform || !entry->due))
        entry = entry->next;
    if (entry) {
        entry->busy = true;
        entry->due = false;
    }
    pthread_mutex_unlock(&lock);
    return entry;
}

static void finish(struct entry *entry, int rc)
{
    pthread_mutex_lock(&lock);
    entry->busy = false;
    entry->due |= rc == 0; /* another part may be there already */
    if (rc < 0)
        free_entry(unlink_entry(find(entry->upload_id)));
    pthread_cond_broadcast(&idle);
    pthread_mutex_unlock(&lock);
}

static void *run(void *arg)
{
    struct ahead *ahead = arg;
    char topic[64];
    (void)pthread_setname_np(pthread_self(), "s3-digest");
    (void)snprintf(topic, sizeof(topic), TOPIC, (const void *)ahead->platform);
    while (!atomic_load(&ahead->stopping)) {
        wake_ticket ticket = wake_look(topic);
        struct entry *entry = next_due(ahead->platform);
        if (entry)
            finish(entry, read_next(ahead, entry));
        else if (!atomic_load(&ahead->stopping))
            (void)wake_wait(topic, ticket, INT64_MAX);
    }
    return NULL;
}

int ahead_start(const struct platform *platform, struct ahead **ret)
{
    struct ahead *ahead = mem_alloc(sizeof(*ahead));
    if (!ahead)
        return FAULT(ENOMEM);
    ahead->platform = platform;
    int rc = pthread_create(&ahead->thread, NULL, run, ahead);
    if (rc != 0) {
        free(ahead);
        return FAULT(rc);
    }
    *ret = ahead;
    return 0;
}

static void forget_all(const struct platform *platform)
{
    pthread_mutex_lock(&lock);
    for (struct entry **link = &entries; *link;)
        if ((*link)->platform == platform)
            free_entry(unlink_entry(link));
        else
            link = &(*link)->next;
    pthread_mutex_unlock(&lock);
}

void ahead_stop(struct ahead **ahead)
{
    if (!*ahead)
        return;
    atomic_store(&(*ahead)->stopping, true);
    wake((*ahead)->platform);
    pthread_join((*ahead)->thread, NULL);
    forget_all((*ahead)->platform);
    free(*ahead);
    *ahead = NULL;
}
