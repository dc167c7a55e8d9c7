/* See cache.h. An entry is a file named by its digest; its modification time is its last use. Entries appear
 * by rename of a verified temporary file, so that a half-written one is never seen. */
#include "workers/anchor/cache.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/io.h"
#include "base/mem.h"
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIGEST_DIGITS 64
#define READ_BYTES 65536
#define USED_AFRESH_S 2 /* who was used later than that needs no note of it */
#define TEMPORARY_PREFIX "tmp-"

struct flight { /* a digest being fetched: others that want it wait */
    const char *digest;
    struct flight *next;
};

struct cache {
    char *dir;
    int64_t max_bytes;
    pthread_mutex_t lock;
    pthread_cond_t landed;
    struct flight *flights; /* under lock, as what follows */
    int64_t bytes;
};

struct entry {
    char name[DIGEST_DIGITS + 1];
    struct timespec used;
    int64_t bytes;
};

struct listing {
    struct entry *entries;
    size_t count;
    size_t room;
    int64_t bytes;
};

static bool digest_valid(const char *text)
{
    return strlen(text) == DIGEST_DIGITS && strspn(text, "0123456789abcdef") == DIGEST_DIGITS;
}

static char *path_make(const struct cache *cache, const char *name)
{
    char *path = NULL;

    return asprintf(&path, "%s/%s", cache->dir, name) < 0 ? NULL : path;
}

static int listing_add(struct listing *list, const char *name, const struct stat *st)
{
    if (list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        struct entry *more = mem_realloc(list->entries, room * sizeof(*more));

        if (!more)
            return FAULT(ENOMEM);
        list->entries = more;
        list->room = room;
    }
    memcpy(list->entries[list->count].name, name, DIGEST_DIGITS + 1);
    list->entries[list->count].used = st->st_mtim;
    list->entries[list->count++].bytes = st->st_size;
    list->bytes += st->st_size;
    return 0;
}

static void close_folder(DIR **folder)
{
    if (*folder)
        closedir(*folder);
}

static int listing_read(const struct cache *cache, struct listing *ret)
{
    CLEANUP(close_folder) DIR *folder = opendir(cache->dir);
    struct dirent *file;

    if (!folder)
        return FAULT(errno);
    while ((file = readdir(folder))) {
        struct stat st;
        int r;

        if (!digest_valid(file->d_name) || fstatat(dirfd(folder), file->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        r = listing_add(ret, file->d_name, &st);
        if (r)
            return r;
    }
    return 0;
}

/* What an earlier anchor left half-fetched: nobody else writes here while this one starts, or it is
 * refetched.
 */
static void temporaries_remove(const char *dir)
{
    CLEANUP(close_folder) DIR *folder = opendir(dir);
    struct dirent *file;

    while (folder && (file = readdir(folder)))
        if (strncmp(file->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
            unlinkat(dirfd(folder), file->d_name, 0);
}

int cache_new(const char *dir, int64_t max_bytes, struct cache **ret)
{
    CLEANUP(cache_free) struct cache *cache = mem_alloc(sizeof(*cache));
    struct listing list = {0};
    int r;

    if (!cache)
        return FAULT(ENOMEM);
    pthread_mutex_init(&cache->lock, NULL);
    pthread_cond_init(&cache->landed, NULL);
    cache->max_bytes = max_bytes;
    cache->dir = str_dup(str_of(dir));
    if (!cache->dir)
        return FAULT(ENOMEM);
    r = io_mkdir_parents(dir, 0700);
    if (r)
        return r;
    temporaries_remove(dir);
    r = listing_read(cache, &list);
    free(list.entries);
    if (r)
        return r;
    cache->bytes = list.bytes;
    *ret = take(cache);
    return 0;
}

void cache_free(struct cache **cache)
{
    if (!*cache)
        return;
    pthread_cond_destroy(&(*cache)->landed);
    pthread_mutex_destroy(&(*cache)->lock);
    free((*cache)->dir);
    free(*cache);
    *cache = NULL;
}

int64_t cache_bytes(struct cache *cache)
{
    int64_t bytes;

    pthread_mutex_lock(&cache->lock);
    bytes = cache->bytes;
    pthread_mutex_unlock(&cache->lock);
    return bytes;
}

int cache_digest(int fd, char *ret_hex)
{
    CLEANUP(hash_free) struct hash *hash = hash_new(HASH_SHA256);
    unsigned char digest[HASH_MAX_SIZE];
    char block[READ_BYTES];
    off_t at = 0;

    if (!hash)
        return FAULT(ENOMEM);
    for (;;) {
        ssize_t got = pread(fd, block, sizeof(block), at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FAULT(errno);
        if (got == 0)
            break;
        hash_update(hash, block, (size_t)got);
        at += got;
    }
    hash_final(hash, digest);
    hex_encode(digest, hash_size(HASH_SHA256), ret_hex);
    return 0;
}

static int entry_compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;

    if (a->used.tv_sec != b->used.tv_sec)
        return a->used.tv_sec < b->used.tv_sec ? -1 : 1;
    return (a->used.tv_nsec > b->used.tv_nsec) - (a->used.tv_nsec < b->used.tv_nsec);
}

/* Called with the lock: the folder itself is the truth about sizes. */
static int evict(struct cache *cache)
{
    struct listing list = {0};
    int r = listing_read(cache, &list);

    if (list.count > 0)
        qsort(list.entries, list.count, sizeof(*list.entries), entry_compare);
    for (size_t i = 0; r == 0 && i < list.count && list.bytes > cache->max_bytes; i++) {
        CLEANUP(free_ptr) char *path = path_make(cache, list.entries[i].name);

        r = path ? io_unlink(path) : FAULT(ENOMEM);
        list.bytes -= list.entries[i].bytes;
    }
    cache->bytes = list.bytes;
    free(list.entries);
    return r;
}

/* Who was used last is read off the times of the files. */
static int used_note(int fd)
{
    struct stat st;

    if (fstat(fd, &st))
        return FAULT(errno);
    if (clock_now_ms() / 1000 - st.st_mtim.tv_sec < USED_AFRESH_S)
        return 0;
    return futimens(fd, NULL) ? FAULT(errno) : 0;
}

/* 0 and an fd; CACHE_E_FETCH: it is not there; CACHE_E_DIGEST: it was spoilt. */
static int entry_open(const struct cache *cache, const char *digest, int *ret_fd)
{
    CLEANUP(free_ptr) char *path = path_make(cache, digest);
    CLEANUP(close_fd) int fd = -1;
    char found[HASH_HEX_SIZE];
    int r;

    if (!path)
        return FAULT(ENOMEM);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? CACHE_E_FETCH : FAULT(errno);
    r = cache_digest(fd, found);
    if (r == 0 && strcmp(found, digest) != 0)
        return CACHE_E_DIGEST;
    if (r == 0)
        r = used_note(fd);
    if (r == 0)
        *ret_fd = take_fd(fd);
    return r;
}

/* Called by the one who may fetch it. */
static int entry_open_sound(struct cache *cache, const char *digest, int *ret_fd)
{
    CLEANUP(free_ptr) char *path = NULL;
    int r = entry_open(cache, digest, ret_fd);

    if (r != CACHE_E_DIGEST)
        return r;
    path = path_make(cache, digest);
    r = path ? io_unlink(path) : FAULT(ENOMEM);
    return r ? r : CACHE_E_FETCH;
}

static int fetch_verified(const struct cache_source *source, const char *digest, int fd, struct reason *why)
{
    char found[HASH_HEX_SIZE];
    int r = source->fetch(source->ctx, fd, why);

    if (r)
        return r < 0 ? r : CACHE_E_FETCH;
    r = cache_digest(fd, found);
    if (r)
        return r;
    if (strcmp(found, digest) != 0)
        return reason_set(why, CACHE_E_DIGEST,
                          "the artifact's bytes have SHA-256 %s, but the execution is pinned to %s: refused",
                          found, digest);
    return 0;
}

static int entry_fetch(struct cache *cache, const char *digest, const struct cache_source *source,
                       int *ret_fd, struct reason *why)
{
    char name[sizeof(TEMPORARY_PREFIX) + 16];
    char random[17];
    CLEANUP(free_ptr) char *temporary = NULL;
    CLEANUP(free_ptr) char *path = path_make(cache, digest);
    CLEANUP(close_fd) int fd = -1;
    struct stat st;
    int r;

    id_hex(random, 16);
    snprintf(name, sizeof(name), TEMPORARY_PREFIX "%s", random);
    temporary = path_make(cache, name);
    if (!path || !temporary)
        return FAULT(ENOMEM);
    fd = io_open(temporary, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return fd;
    r = fetch_verified(source, digest, fd, why);
    if (r == 0)
        r = fstat(fd, &st) ? FAULT(errno) : io_rename(temporary, path);
    if (r) {
        int removed = io_unlink(temporary);
        return removed < 0 && r > 0 ? removed : r;
    }
    pthread_mutex_lock(&cache->lock);
    cache->bytes += st.st_size;
    if (cache->bytes > cache->max_bytes)
        r = evict(cache);
    pthread_mutex_unlock(&cache->lock);
    if (r == 0)
        *ret_fd = take_fd(fd);
    return r;
}

static bool flight_under_way(const struct cache *cache, const char *digest)
{
    for (const struct flight *flight = cache->flights; flight; flight = flight->next)
        if (strcmp(flight->digest, digest) == 0)
            return true;
    return false;
}

static void flight_begin(struct cache *cache, struct flight *flight)
{
    pthread_mutex_lock(&cache->lock);
    while (flight_under_way(cache, flight->digest))
        pthread_cond_wait(&cache->landed, &cache->lock);
    flight->next = cache->flights;
    cache->flights = flight;
    pthread_mutex_unlock(&cache->lock);
}

static void flight_end(struct cache *cache, const struct flight *flight)
{
    struct flight **at = &cache->flights;

    pthread_mutex_lock(&cache->lock);
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    pthread_cond_broadcast(&cache->landed);
    pthread_mutex_unlock(&cache->lock);
}

int cache_get(struct cache *cache, const char *sha256_hex, const struct cache_source *source, int *ret_fd,
              struct reason *why)
{
    struct flight flight = {.digest = sha256_hex};
    int r;

    if (!digest_valid(sha256_hex))
        return reason_set(why, CACHE_E_DIGEST, "'%s' is not a SHA-256 in hex", sha256_hex);
    r = entry_open(cache, sha256_hex, ret_fd); /* many at once */
    if (r <= 0)
        return r;
    flight_begin(cache, &flight);
    r = entry_open_sound(cache, sha256_hex, ret_fd);
    if (r == CACHE_E_FETCH)
        r = entry_fetch(cache, sha256_hex, source, ret_fd, why);
    flight_end(cache, &flight);
    return r;
}

bool cache_has(struct cache *cache, const char *sha256_hex)
{
    CLEANUP(free_ptr) char *path = digest_valid(sha256_hex) ? path_make(cache, sha256_hex) : NULL;

    return path && access(path, R_OK) == 0;
}
