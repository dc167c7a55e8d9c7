/* See room.h. One thread makes and removes. It makes when a build has given its room back, or has had it for
 * a while, rather than when one is taken: the build that takes it needs the processor just then. It removes
 * when no build is under way, after a second, or when many are left: builds that wait for others come first.
 * Where it cannot keep up, whoever gives a room back removes it. */
#include "workers/anchor/room.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "workers/anchor/build_env.h"
#include "workers/anchor/dwellers.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <time.h>

#define READY_MOST 2
#define MAKE_AFTER_MS 100
#define IDLE_MS 600000 /* then no build is expected any more */
#define LEFT_MANY 64
#define LEFT_MOST 256 /* with those that are being removed */
#define LEFT_MS 1000
#define LOOK_MANY 8 /* for fewer it would cost more than it saves */
/* Where less than both of the disk is free, what is left goes at once. */
#define TIGHT_PART 4
#define TIGHT_BYTES ((uint64_t)1 << 30)
#define TIGHT_FILES 100000

static const char *const waiting_envp[] = {BUILD_ENV_PATH, NULL};

struct rooms {
    const char *work_dir;
    struct wings *wings;
    struct sandbox *sandbox;
    struct seed *seed;    /* of shells without a sandbox */
    pthread_mutex_t lock; /* guards all that follows */
    pthread_cond_t changed;
    struct room *ready;
    int ready_count;
    int under_way;
    struct room *left; /* to be removed */
    int left_count;    /* of them, with those that the keeper is removing */
    int64_t remove_ms; /* when the first of them has waited for long enough; INT64_MAX: there is none */
    int64_t make_ms;   /* of clock_mono_ms, when some are to be made; INT64_MAX: never */
    int64_t idle_ms;   /* when those that are ready go; INT64_MAX: none is */
    bool ending;
    pthread_t keeper;
};

/* `again`: nobody is in its folders. */
static void room_remove(struct rooms *rooms, struct room **room, bool again)
{
    session_free(&(*room)->session);
    plot_clear(rooms->wings, &(*room)->plot, again);
    free(*room);
    *room = NULL;
}

const char *room_source_inside(const struct room *room, const struct sandbox *sandbox)
{
    return sandbox ? SANDBOX_FOLDER "/src" : room->plot.source;
}

int room_open(const struct room *room, struct sandbox *sandbox, const char *shell, const char *const *envp,
              struct session **ret, struct reason *why)
{
    const struct session_spec spec = {
        .folder = room->plot.folder,
        .cwd = room_source_inside(room, sandbox),
        .shell = shell,
        .envp = envp,
        .sandbox = sandbox,
    };

    return session_open(&spec, ret, why);
}

/* A shell for whatever comes. */
static void shell_open(const struct rooms *rooms, struct room *room)
{
    const struct session_spec spec = {
        .folder = room->plot.folder,
        .cwd = room_source_inside(room, rooms->sandbox),
        .shell = "sh",
        .envp = waiting_envp,
        .sandbox = rooms->sandbox,
        .seed = rooms->seed,
    };
    struct reason why = {0};
    int r = session_open(&spec, &room->session, &why);

    if (r) /* whoever needs it will be told why */
        log_debug("anchor", "no shell waits: %s", r > 0 ? why.text : strerror(-r));
}

static int room_make(struct rooms *rooms, struct room **ret)
{
    struct room *room = mem_alloc(sizeof(*room));
    int r;

    if (!room)
        return FAULT(ENOMEM);
    r = plot_make(rooms->wings, &room->plot);
    if (r) {
        room_remove(rooms, &room, false);
        return r;
    }
    shell_open(rooms, room);
    *ret = room;
    return 0;
}

static void ready_put(struct rooms *rooms, struct room *room)
{
    room->next = rooms->ready;
    rooms->ready = room;
    rooms->ready_count++;
    rooms->idle_ms = clock_mono_ms() + IDLE_MS;
}

/* Called and returns with the lock. */
static void make_one(struct rooms *rooms)
{
    struct room *room = NULL;
    int r;

    pthread_mutex_unlock(&rooms->lock);
    r = room_make(rooms, &room);
    pthread_mutex_lock(&rooms->lock);
    if (r == 0)
        ready_put(rooms, room);
    if (r || !room->session || rooms->ready_count >= READY_MOST)
        rooms->make_ms = INT64_MAX;
}

static struct room *list_pop(struct room **list)
{
    struct room *first = *list;

    *list = first->next;
    return first;
}

/* Called and returns with the lock. */
static void ready_drop(struct rooms *rooms)
{
    struct room *list = take(rooms->ready);

    rooms->ready_count = 0;
    rooms->idle_ms = INT64_MAX;
    pthread_mutex_unlock(&rooms->lock);
    while (list) {
        struct room *room = list_pop(&list);

        room_remove(rooms, &room, false);
    }
    if (rooms->seed)
        seed_rest(rooms->seed);
    wings_rest(rooms->wings);
    pthread_mutex_lock(&rooms->lock);
}

/* No process of a build outlives its shell. */
static bool ends_with_shell(const struct rooms *rooms)
{
    return rooms->sandbox && sandbox_ends_at_once(rooms->sandbox);
}

/* Rooms that nobody is in by now. */
struct vacancy {
    bool all;
    bool known;
    struct dwellers dwellers;
};

static void vacancy_look(const struct rooms *rooms, const struct room *list, struct vacancy *ret)
{
    size_t count = 0;

    ret->all = ends_with_shell(rooms);
    for (const struct room *room = list; room && count < LOOK_MANY; room = room->next)
        count++;
    ret->known = !ret->all && !rooms->sandbox && count == LOOK_MANY &&
                 dwellers_find(rooms->work_dir, &ret->dwellers) == 0;
}

static bool is_vacant(const struct rooms *rooms, const struct room *room, const struct vacancy *vacancy)
{
    const char *path = room->plot.folder + strlen(rooms->work_dir) + 1;

    return vacancy->all || (vacancy->known && !dwellers_are_in(&vacancy->dwellers, path));
}

/* Called and returns with the lock. */
static void left_remove(struct rooms *rooms)
{
    struct room *list = take(rooms->left);
    struct vacancy vacancy = {0};

    rooms->remove_ms = INT64_MAX;
    pthread_mutex_unlock(&rooms->lock);
    vacancy_look(rooms, list, &vacancy);
    while (list) {
        struct room *room = list_pop(&list);

        room_remove(rooms, &room, is_vacant(rooms, room, &vacancy));
        pthread_mutex_lock(&rooms->lock);
        rooms->left_count--;
        pthread_mutex_unlock(&rooms->lock);
    }
    dwellers_deinit(&vacancy.dwellers);
    pthread_mutex_lock(&rooms->lock);
}

static bool is_removal_late(const struct rooms *rooms, int64_t now_ms)
{
    return rooms->left_count >= LEFT_MANY || rooms->remove_ms <= now_ms;
}

/* What is to be made comes first. */
static bool is_removal_due(const struct rooms *rooms, int64_t now_ms)
{
    bool idle = rooms->under_way == 0 && rooms->make_ms > now_ms;

    return is_removal_late(rooms, now_ms) || (rooms->left && idle);
}

static void wait_changed(struct rooms *rooms)
{
    const int64_t times_ms[] = {rooms->make_ms, rooms->idle_ms, rooms->remove_ms};
    int64_t until_ms = INT64_MAX;

    for (size_t i = 0; i < ARRAY_LEN(times_ms); i++)
        if (times_ms[i] < until_ms)
            until_ms = times_ms[i];
    struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = (until_ms % 1000) * 1000000};

    if (until_ms == INT64_MAX)
        pthread_cond_wait(&rooms->changed, &rooms->lock);
    else
        pthread_cond_timedwait(&rooms->changed, &rooms->lock, &until);
}

static void *keeper_run(void *arg)
{
    struct rooms *rooms = arg;

    pthread_mutex_lock(&rooms->lock);
    while (!rooms->ending) {
        int64_t now_ms = clock_mono_ms();

        if (is_removal_due(rooms, now_ms))
            left_remove(rooms);
        else if (rooms->make_ms <= now_ms)
            make_one(rooms);
        else if (rooms->idle_ms <= now_ms)
            ready_drop(rooms);
        else
            wait_changed(rooms);
    }
    pthread_mutex_unlock(&rooms->lock);
    return NULL;
}

static void rooms_drop(struct rooms **rooms)
{
    if (!*rooms)
        return;
    seed_free(&(*rooms)->seed);
    wings_free(&(*rooms)->wings);
    free(*rooms);
    *rooms = NULL;
}

int rooms_new(const char *work_dir, struct sandbox *sandbox, struct rooms **ret)
{
    CLEANUP(rooms_drop) struct rooms *rooms = mem_alloc(sizeof(*rooms));
    pthread_condattr_t monotonic;
    int r = rooms ? wings_new(work_dir, &rooms->wings) : FAULT(ENOMEM);

    if (r == 0 && !sandbox)
        r = session_seed(waiting_envp, &rooms->seed);
    if (r)
        return r;
    rooms->work_dir = work_dir;
    rooms->sandbox = sandbox;
    rooms->make_ms = rooms->idle_ms = rooms->remove_ms = INT64_MAX;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&rooms->lock, NULL);
    pthread_cond_init(&rooms->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r = pthread_create(&rooms->keeper, NULL, keeper_run, rooms);
    if (r)
        return FAULT(r);
    *ret = take(rooms);
    return 0;
}

void rooms_free(struct rooms **rooms)
{
    if (!*rooms)
        return;
    pthread_mutex_lock(&(*rooms)->lock);
    (*rooms)->ending = true;
    pthread_cond_signal(&(*rooms)->changed);
    pthread_mutex_unlock(&(*rooms)->lock);
    pthread_join((*rooms)->keeper, NULL);
    pthread_mutex_lock(&(*rooms)->lock);
    ready_drop(*rooms);
    left_remove(*rooms);
    pthread_mutex_unlock(&(*rooms)->lock);
    pthread_cond_destroy(&(*rooms)->changed);
    pthread_mutex_destroy(&(*rooms)->lock);
    rooms_drop(rooms);
}

/* Called with the lock: some are wanted by then. */
static void make_by(struct rooms *rooms, int64_t mono_ms)
{
    if (rooms->ready_count >= READY_MOST || rooms->make_ms <= mono_ms)
        return;
    rooms->make_ms = mono_ms;
    pthread_cond_signal(&rooms->changed);
}

int rooms_take(struct rooms *rooms, struct room **ret)
{
    struct room *room;
    int r = 0;

    pthread_mutex_lock(&rooms->lock);
    room = rooms->ready;
    if (room) {
        rooms->ready = room->next;
        rooms->ready_count--;
    }
    rooms->under_way++;
    make_by(rooms, clock_mono_ms() + MAKE_AFTER_MS);
    pthread_mutex_unlock(&rooms->lock);
    if (!room)
        r = room_make(rooms, &room);
    if (r) {
        pthread_mutex_lock(&rooms->lock);
        rooms->under_way--;
        pthread_mutex_unlock(&rooms->lock);
        return r;
    }
    *ret = room;
    return 0;
}

static bool is_tight(uint64_t free, uint64_t all, uint64_t enough)
{
    return free < enough && free < all / TIGHT_PART;
}

static bool is_disk_tight(const struct rooms *rooms)
{
    struct statvfs disk;

    return statvfs(rooms->work_dir, &disk) ||
           is_tight(disk.f_bavail, disk.f_blocks, TIGHT_BYTES / disk.f_frsize) ||
           is_tight(disk.f_favail, disk.f_files, TIGHT_FILES);
}

/* Called with the lock: for the keeper. */
static void left_put(struct rooms *rooms, struct room *room, int64_t now_ms, bool tight)
{
    bool first = !rooms->left;

    room->next = rooms->left;
    rooms->left = room;
    rooms->left_count++;
    if (tight)
        rooms->remove_ms = now_ms;
    else if (first)
        rooms->remove_ms = now_ms + LEFT_MS;
    if (first || rooms->under_way == 0 || is_removal_late(rooms, now_ms))
        pthread_cond_signal(&rooms->changed);
}

void rooms_give(struct rooms *rooms, struct room **room)
{
    int64_t now_ms = clock_mono_ms();
    bool tight;

    if (!*room)
        return;
    session_free(&(*room)->session);
    tight = is_disk_tight(rooms);
    pthread_mutex_lock(&rooms->lock);
    rooms->under_way--;
    make_by(rooms, now_ms);
    if (rooms->left_count < LEFT_MOST)
        left_put(rooms, take(*room), now_ms, tight);
    pthread_mutex_unlock(&rooms->lock);
    if (*room)
        room_remove(rooms, room, ends_with_shell(rooms));
}
