/* Group commit by flat combining, in two steps that overlap. The open group gathers the records of those who
 * commit while they hold the turn; who gives the turn up while nobody waits for it closes the group and syncs
 * it, without the turn; meanwhile the next group is open, and when the sync is done one of its members is
 * told to lead it, or a thread for that if no member's thread waits. Only one syncs at a time: frames are in
 * the order of the work.
 *
 * The turn is not the connection (behind.h): who needs it claims it, and has it until the turn's end. Until
 * then others may be running what was recorded before.
 *
 * When an append fails, or SQLite undoes the transaction by itself, or what is behind cannot be run, the
 * batch is not what the log says: `broken`. It is healed, from the log, before anybody works again. The open
 * group is synced before that; but when an append failed, its members have seen what will never be durable,
 * and are told so like those of the failed group. */
#include "db/writer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "db/batch.h"
#include "db/behind.h"
#include "db/group.h"
#include "db/turn.h"
#include <pthread.h>
#include <stdatomic.h>

#define GROUP_MAX 512                          /* members; then the next to give up the turn syncs */
#define GROUP_BYTES ((size_t)1 << 20)          /* the same for its records */
#define RECORDS_MAX ((size_t)256 << 20)        /* of a group; a transaction beyond it fails */
#define RECORDS_MANY ((size_t)64 << 20)        /* who begins waits until they are synced */
#define SOON_US 200                            /* of a wait for the turn that is no wait */
#define BEHIND_MANY ((size_t)256 << 10)        /* who begins runs what is not run yet */
#define BEHIND_SOON ((size_t)16 << 10)         /* too much to be run by who must not wait */
#define RECORDS_KEPT ((size_t)2 * GROUP_BYTES) /* a larger buffer is given back */

struct writer {
    struct turn turn;
    atomic_uint waiting; /* for it */

    /* the turn's holder's */
    struct batch *batch;
    struct group *group; /* the open one */
    struct group *last;  /* the one that was closed last, if any; a reference */
    struct buf records;  /* its frame: the header's place, then what its members and the holder did */
    size_t mark;         /* where the holder's part begins */
    bool sure;           /* the holder has no savepoint */
    uint64_t epoch;      /* another after whatever is undone */
    bool claimed;        /* the holder has the connection, and all before is run on it */
    const struct writer_watch *watch;
    int64_t batch_bytes; /* of the frames since the last flush */
    bool asked;          /* that the batch be published some time */
    int admit_pages;     /* of SQLite's log; who begins beyond it moves them */
    bool stuck;          /* the last flush failed: what was acknowledged cannot be read */
    atomic_int log_pages;
    atomic_int moved_pages; /* of them */

    struct behind *behind; /* what is not run yet, and whose the connection is */

    /* who syncs owns `frame` and appends to the redo log */
    pthread_mutex_t sync_lock;
    pthread_cond_t synced;
    bool syncing;
    struct group *heir; /* the open group, if it waits for the sync to end; a reference */
    bool lead;          /* by the leader, for those whose threads do not wait */
    bool closing;
    pthread_cond_t lead_or_close;
    pthread_t leader;
    bool leader_runs;
    struct buf frame;

    atomic_bool broken;
    atomic_bool unsynced;    /* a group's frame failed, and the open one has seen what it did */
    atomic_bool unpublished; /* work that other connections do not see, durable or on its way */
    atomic_ullong commits;
    atomic_ullong groups;
};

static int log_hook(void *arg, sqlite3 *handle UNUSED, const char *name UNUSED, int pages)
{
    struct writer *writer = arg;
    if (pages < atomic_load(&writer->moved_pages)) /* it has begun anew */
        atomic_store(&writer->moved_pages, 0);
    atomic_store(&writer->log_pages, pages);
    return SQLITE_OK;
}

struct conn *writer_conn(struct writer *writer)
{
    return batch_conn(writer->batch);
}

struct db_stats writer_stats(struct writer *writer)
{
    return (struct db_stats){.commits = atomic_load(&writer->commits),
                             .groups = atomic_load(&writer->groups)};
}

struct buf *writer_records(struct writer *writer)
{
    return &writer->records;
}

bool writer_lost(struct writer *writer)
{
    return writer->claimed && batch_lost(writer->batch);
}

static void wants(const struct writer *writer, enum writer_want want)
{
    if (writer->watch)
        writer->watch->wants(writer->watch->arg, want);
}

static bool is_broken(struct writer *writer)
{
    return atomic_load(&writer->broken) || writer_lost(writer);
}

static void epoch_begin(struct writer *writer)
{
    static atomic_ullong last;
    writer->epoch = atomic_fetch_add(&last, 1) + 1;
}

uint64_t writer_epoch(const struct writer *writer)
{
    return writer->epoch;
}

/* ---- groups */

/* Tells the members; the writer's reference is given up. */
static void tell(struct writer *writer, struct group *group, int result)
{
    if (result == 0)
        atomic_fetch_add(&writer->commits, group->members);
    group_finish(group, result);
}

/* When half of those who are here have committed: the others work while these are synced. */
static bool group_is_due(struct writer *writer)
{
    return writer->group && writer->group->members > 0 &&
           (writer->group->members >= atomic_load(&writer->waiting) || writer->group->members >= GROUP_MAX ||
            writer->records.len >= GROUP_BYTES);
}

/* Empties a buffer of records, and gives it back when it has grown large. */
static void records_reset(struct buf *records)
{
    if (records->cap > RECORDS_KEPT)
        buf_free(records);
    buf_reset(records);
}

static int records_begin(struct buf *records)
{
    int r = buf_extend(records, REDO_HEADER_SIZE) ? 0 : buf_error(records);
    if (r < 0)
        buf_reset(records);
    return r;
}

/* ---- one syncs */

/* True: the caller syncs. Else whoever syncs now will tell the open group to go on. */
static bool sync_claim(struct writer *writer)
{
    pthread_mutex_lock(&writer->sync_lock);
    bool claimed = !writer->syncing && !atomic_load(&writer->unsynced);
    if (claimed) {
        writer->syncing = true;
    } else if (writer->syncing && !writer->heir) {
        writer->heir = group_ref(writer->group);
    }
    pthread_mutex_unlock(&writer->sync_lock);
    return claimed;
}

static void sync_release(struct writer *writer)
{
    pthread_mutex_lock(&writer->sync_lock);
    struct group *heir = take(writer->heir);
    writer->syncing = false;
    pthread_cond_broadcast(&writer->synced);
    if (heir && !group_ask_to_lead(heir)) {
        writer->lead = true;
        pthread_cond_signal(&writer->lead_or_close);
    }
    pthread_mutex_unlock(&writer->sync_lock);
    group_unref(&heir);
}

/* With the turn held nobody begins another. */
static void sync_wait(struct writer *writer)
{
    pthread_mutex_lock(&writer->sync_lock);
    while (writer->syncing)
        pthread_cond_wait(&writer->synced, &writer->sync_lock);
    pthread_mutex_unlock(&writer->sync_lock);
}

/* The open group is open no more: its records are the frame. By the turn's holder, who has claimed the sync.
 */
static struct group *group_close(struct writer *writer)
{
    struct buf spare = writer->frame;
    writer->batch_bytes += (int64_t)writer->records.len;
    if (writer->watch && writer->batch_bytes >= writer->watch->batch_bytes)
        wants(writer, WRITER_PUBLISH);
    writer->frame = writer->records;
    writer->records = spare;
    group_unref(&writer->last);
    writer->last = group_ref(writer->group);
    return take(writer->group);
}

/* Makes the group durable, or breaks the batch, and lets the next sync. */
static void group_sync(struct writer *writer, struct group *group)
{
    int r = 0;
    if (writer->frame.len > REDO_HEADER_SIZE) {
        pool_pauses();
        r = redo_append(batch_redo(writer->batch), &writer->frame);
        pool_goes_on();
        if (r == 0)
            atomic_fetch_add(&writer->groups, 1);
    }
    if (r < 0) {
        atomic_store(&writer->unsynced, true);
        atomic_store(&writer->broken, true);
    }
    records_reset(&writer->frame);
    sync_release(writer);
    tell(writer, group, r);
}

/* ---- the turn */

static _Thread_local const struct writer *turn_of; /* whose turn this thread has */

static void turn_has(struct writer *writer)
{
    turn_of = writer;
}

static void turn_take_now(struct writer *writer)
{
    assert(turn_of != writer); /* a thread reads or begins within its own transaction */
    turn_lock(&writer->turn);
    turn_has(writer);
}

static void turn_take(struct writer *writer)
{
    atomic_fetch_add(&writer->waiting, 1);
    turn_take_now(writer);
    atomic_fetch_sub(&writer->waiting, 1);
}

static void turn_give(struct writer *writer)
{
    turn_of = NULL;
    if (writer_lost(writer))
        atomic_store(&writer->broken, true);
    if (writer->claimed)
        behind_release(writer->behind);
    writer->claimed = false;
    turn_unlock(&writer->turn);
}

/* The connection, until the turn is given up. A fault: not all that was added before is run, and the batch is
 * broken. */
static int claim(struct writer *writer)
{
    if (writer->claimed)
        return 0;
    int r = behind_claim(writer->behind);
    writer->claimed = true;
    if (r < 0)
        atomic_store(&writer->broken, true);
    return r;
}

/* By who will claim the connection, before he takes the turn: others have it meanwhile. */
static void catch_up(struct writer *writer)
{
    if (behind_bytes(writer->behind) > BEHIND_SOON && !behind_catch_up(writer->behind))
        log_debug("db", "what could not be run is seen to by who has the turn next");
}

/* With the turn: all that was committed is durable, unless a frame failed. */
static void sync_open(struct writer *writer)
{
    sync_wait(writer);
    if (writer->group && writer->group->members > 0 && sync_claim(writer))
        group_sync(writer, group_close(writer));
}

/* Tells those whose work cannot become durable, and brings the batch to what is. */
static int heal(struct writer *writer)
{
    sync_open(writer);
    if (writer->group && writer->group->members > 0)
        tell(writer, take(writer->group), FAULT(EIO));
    atomic_store(&writer->unsynced, false);
    records_reset(&writer->records);
    if (claim(writer) < 0)
        log_debug("db", "what could not be run is run again from the log");
    behind_forget(writer->behind);
    epoch_begin(writer);
    int r = batch_heal(writer->batch);
    atomic_store(&writer->broken, r < 0);
    return r;
}

/* `broken` keeps a failure, and the next to come tries again. */
static void heal_if_possible(struct writer *writer)
{
    int r = heal(writer);
    if (r < 0)
        log_debug("db", "the batch stays broken: %s", strerror(-r));
}

/* Gives the turn up; leads the open group to the disk if it is due. */
static void turn_end(struct writer *writer)
{
    struct group *led = NULL;
    if (!is_broken(writer) && group_is_due(writer) && sync_claim(writer))
        led = group_close(writer);
    else if (is_broken(writer)) /* perhaps just now: nobody else would tell the members */
        heal_if_possible(writer);
    turn_give(writer);
    if (!led)
        return;
    group_sync(writer, led);
    if (atomic_load(&writer->broken)) {
        turn_take(writer);
        turn_end(writer);
    }
}

static int wait_or_lead(struct group *group)
{
    pool_pauses();
    int r = group_wait(group);
    pool_goes_on();
    return r;
}

/* Gives up the reference. */
static int wait_for(struct writer *writer, struct group *group)
{
    int r;
    while ((r = wait_or_lead(group)) == GROUP_LEAD) {
        turn_take(writer);
        turn_end(writer);
    }
    group_unref(&group);
    return r;
}

/* ---- transactions */

/* With the turn: all that was committed is durable and published, and the batch is closed. */
static int settle(struct writer *writer)
{
    sync_open(writer);
    int r = claim(writer) < 0 || is_broken(writer) ? heal(writer) : 0;
    if (r == 0)
        r = batch_flush(writer->batch);
    if (r < 0 && heal(writer) == 0) /* there may be room now */
        r = batch_flush(writer->batch);
    writer->stuck = r < 0;
    if (r < 0) {
        atomic_store(&writer->broken, true);
        return r;
    }
    writer->batch_bytes = 0;
    writer->asked = false;
    atomic_store(&writer->unpublished, false);
    return 0;
}

static int prepare(struct writer *writer)
{
    int r = is_broken(writer) ? heal(writer) : 0;
    if (r == 0 && !writer->group)
        r = group_new(&writer->group);
    if (r == 0 && writer->records.len == 0)
        r = records_begin(&writer->records);
    if (r == 0 && writer->claimed)
        r = batch_begin(writer->batch);
    if (r == 0 && !writer->asked) {
        writer->asked = true;
        wants(writer, WRITER_PUBLISH_SOON);
    }
    writer->mark = writer->records.len;
    return r;
}

int writer_claim(struct writer *writer)
{
    if (writer->claimed)
        return 0;
    size_t own = writer->records.len - writer->mark;
    int r = claim(writer);
    if (r == 0)
        r = batch_begin(writer->batch);
    if (r == 0 && own > 0)
        r = behind_run(writer->behind, (struct str){writer->records.ptr + writer->mark, own});
    return r;
}

bool writer_has_claimed(const struct writer *writer)
{
    return writer->claimed;
}

static int savepoint(struct writer *writer, const char *sql)
{
    return writer->sure ? 0 : conn_run(writer_conn(writer), sql);
}

/* What is acknowledged must be readable: there must be room for it in SQLite's log. A long one is moved
 * before anybody works on; while it cannot be, nobody does. A reader may keep pages in it: the next are moved
 * later. */
static int admit(struct writer *writer)
{
    int pages = atomic_load(&writer->log_pages);
    if (writer->stuck || writer->records.len >= RECORDS_MANY)
        return settle(writer);
    if (!writer->watch || pages < writer->watch->most_pages)
        writer->admit_pages = 0;
    if (!writer->watch || pages < writer->watch->most_pages || pages < writer->admit_pages)
        return 0;
    writer->admit_pages = pages + writer->watch->most_pages / 8;
    int r = settle(writer);
    return r == 0 ? batch_move_log(writer->batch) : r;
}

int writer_begin(struct writer *writer, bool sure)
{
    if (!sure)
        catch_up(writer);
    turn_take(writer);
    writer->sure = sure;
    if ((!sure || behind_bytes(writer->behind) > BEHIND_MANY) && claim(writer) < 0)
        log_debug("db", "what could not be run is run again from the log");
    int r = admit(writer);
    if (behind_left_out(writer->behind))
        epoch_begin(writer);
    if (r == 0)
        r = prepare(writer);
    if (r == 0)
        r = savepoint(writer, "SAVEPOINT caller");
    if (r < 0)
        turn_end(writer);
    return r;
}

void writer_undo(struct writer *writer)
{
    bool changed = writer->records.len > writer->mark || writer->records.error;
    int r = writer_lost(writer) ? FAULT(EIO) : savepoint(writer, "ROLLBACK TO caller");
    if (r == 0)
        r = savepoint(writer, "RELEASE caller");
    writer->records.len = writer->mark;
    writer->records.error = 0;
    if (r == 0 && writer->sure && changed && writer->claimed)
        r = heal(writer); /* everything is undone, and what the others did is done again, from the log */
    if (changed)
        epoch_begin(writer);
    if (r < 0) /* the caller's part cannot be told from the others' */
        atomic_store(&writer->broken, true);
    turn_end(writer);
}

/* The transaction is a member of the group; not yet the turn's end. */
static int join(struct writer *writer, const struct touched *touched, struct db_later *later)
{
    bool changes = writer->records.len > writer->mark;
    int r = buf_error(&writer->records);
    if (r == 0)
        r = writer_lost(writer) ? FAULT(EIO) : savepoint(writer, "RELEASE caller");
    if (r == 0 && changes && !writer->claimed)
        r = behind_add(writer->behind,
                       (struct str){writer->records.ptr + writer->mark, writer->records.len - writer->mark});
    if (r < 0) {
        writer_undo(writer);
        return r;
    }
    if (changes) {
        touched_merge(&writer->group->touched, touched);
        atomic_store(&writer->unpublished, true);
    }
    group_join(writer->group, later);
    return 0;
}

int writer_commit(struct writer *writer, const struct touched *touched, const struct writer_seen *seen)
{
    int r = join(writer, touched, NULL);
    if (r < 0)
        return r;
    if (seen)
        seen->tell(seen->arg);
    struct group *group = group_ref(writer->group);
    turn_end(writer);
    return wait_for(writer, group);
}

int writer_commit_later(struct writer *writer, const struct touched *touched, const struct writer_seen *seen,
                        struct db_later *later)
{
    int r = join(writer, touched, later);
    if (r < 0)
        return r;
    if (seen)
        seen->tell(seen->arg);
    turn_end(writer);
    return 0;
}

/* ---- looks */

/* The group that has changed the subject and is not durable yet, or NULL. `synced`: the last one is. */
static struct group *looks_at(const struct writer *writer, uint64_t subject, bool synced)
{
    if (writer->group && touched_has(&writer->group->touched, subject))
        return writer->group;
    return !synced && touched_has(&writer->last->touched, subject) ? writer->last : NULL;
}

/* False when that would take long. */
static bool turn_lock_soon(struct writer *writer)
{
    int64_t until_us = clock_mono_us() + SOON_US;
    assert(turn_of != writer);
    if (!turn_lock_until(&writer->turn, until_us))
        return false;
    turn_has(writer);
    return true;
}

/* With the turn. */
static int look(struct writer *writer, uint64_t subject, bool soon, struct group **ret_until)
{
    /* asked before `broken` is, which a failed group sets first */
    bool synced = !writer->last || group_is_done(writer->last);
    if (soon && (behind_bytes(writer->behind) > BEHIND_SOON || looks_at(writer, subject, synced)))
        return DB_BUSY;
    if (is_broken(writer) || claim(writer) < 0) {
        int r = soon ? DB_BUSY : heal(writer);
        if (r != 0)
            return r;
    }
    if (!batch_is_open(writer->batch))
        return DB_NONE;
    struct group *until = looks_at(writer, subject, synced);
    if (until && soon)
        return DB_BUSY;
    *ret_until = until ? group_ref(until) : NULL;
    return 0;
}

int writer_look(struct writer *writer, uint64_t subject, bool soon, struct group **ret_until)
{
    if (!soon)
        catch_up(writer);
    if (!soon)
        turn_take_now(writer);
    else if (!turn_lock_soon(writer))
        return DB_BUSY;
    int r = look(writer, subject, soon, ret_until);
    if (r < 0)
        turn_end(writer);
    else if (r > 0)
        turn_give(writer);
    return r;
}

/* Whoever commits sees that his group is led to the disk, and heals it: a look only gives the turn on. */
int writer_looked(struct writer *writer, struct group *until)
{
    turn_give(writer);
    return until ? wait_for(writer, until) : 0;
}

void writer_look_undo(struct writer *writer, struct group *until)
{
    turn_give(writer);
    group_unref(&until);
}

/* ---- other connections, and the logs */

static bool log_is_long(const struct writer *writer)
{
    int pages = atomic_load(&writer->log_pages);
    return pages - atomic_load(&writer->moved_pages) >= writer->watch->move_pages ||
           pages >= writer->watch->pause_pages;
}

/* Not by those who move it: a reader may keep it long. */
static void move_if_long(struct writer *writer)
{
    sync_wait(writer);
    if (writer->watch && (log_is_long(writer) || batch_log_bytes(writer->batch) >= writer->watch->redo_bytes))
        wants(writer, WRITER_MOVE);
}

bool writer_is_published(struct writer *writer)
{
    return !atomic_load(&writer->unpublished);
}

int writer_publish(struct writer *writer)
{
    if (writer_is_published(writer))
        return 0;
    turn_take(writer);
    int r = writer_is_published(writer) ? 0 : settle(writer);
    move_if_long(writer);
    turn_end(writer);
    return r;
}

int writer_flush(struct writer *writer)
{
    turn_take(writer);
    int r = settle(writer);
    move_if_long(writer);
    turn_end(writer);
    return r;
}

int writer_pause(struct writer *writer, bool (*move)(void *arg), void *arg)
{
    turn_take(writer);
    int r = settle(writer);
    if (r == 0 && move(arg) && writer->watch &&
        batch_log_bytes(writer->batch) >= writer->watch->redo_bytes / 2)
        batch_restart(writer->batch);
    turn_end(writer);
    return r;
}

int writer_restart_log(struct writer *writer)
{
    int r = batch_sync(writer->batch); /* most of it: the rest is little, and then everybody waits */
    if (r < 0)
        return r;
    turn_take(writer);
    sync_wait(writer);
    bool is_long = writer->watch && batch_log_bytes(writer->batch) >= writer->watch->redo_bytes;
    if (is_long)
        r = settle(writer);
    if (is_long && r == 0)
        r = batch_sync(writer->batch);
    if (is_long && r == 0)
        batch_restart(writer->batch);
    turn_end(writer);
    return r;
}

void writer_log_moved(struct writer *writer, int pages, bool all)
{
    atomic_store(&writer->moved_pages, pages);
    if (all)
        atomic_store(&writer->log_pages, 0);
}

void writer_watch(struct writer *writer, const struct writer_watch *watch)
{
    turn_take(writer);
    writer->watch = watch;
    turn_end(writer);
}

/* ---- from open to close */

/* Leads groups of which no member's thread waits. */
static void *leader_thread(void *arg)
{
    struct writer *writer = arg;
    (void)pthread_setname_np(pthread_self(), "db-leader");
    pthread_mutex_lock(&writer->sync_lock);
    while (!writer->closing) {
        if (!writer->lead) {
            pthread_cond_wait(&writer->lead_or_close, &writer->sync_lock);
            continue;
        }
        writer->lead = false;
        pthread_mutex_unlock(&writer->sync_lock);
        turn_take(writer);
        turn_end(writer);
        pthread_mutex_lock(&writer->sync_lock);
    }
    pthread_mutex_unlock(&writer->sync_lock);
    return NULL;
}

static void leader_stop(struct writer *writer)
{
    if (!writer->leader_runs)
        return;
    pthread_mutex_lock(&writer->sync_lock);
    writer->closing = true;
    pthread_cond_signal(&writer->lead_or_close);
    pthread_mutex_unlock(&writer->sync_lock);
    pthread_join(writer->leader, NULL);
}

static void writer_free(struct writer **writer)
{
    if (!*writer)
        return;
    leader_stop(*writer);
    behind_close(&(*writer)->behind);
    batch_close(&(*writer)->batch);
    group_unref(&(*writer)->group);
    group_unref(&(*writer)->last);
    buf_free(&(*writer)->records);
    buf_free(&(*writer)->frame);
    pthread_cond_destroy(&(*writer)->synced);
    pthread_cond_destroy(&(*writer)->lead_or_close);
    pthread_mutex_destroy(&(*writer)->sync_lock);
    free(*writer);
    *writer = NULL;
}

static void not_run(void *arg)
{
    atomic_store(&((struct writer *)arg)->broken, true);
}

int writer_open(const char *path, struct writer **ret)
{
    CLEANUP(writer_free) struct writer *writer = mem_alloc(sizeof(*writer));
    if (!writer)
        return FAULT(ENOMEM);
    pthread_mutex_init(&writer->sync_lock, NULL);
    pthread_cond_init(&writer->synced, NULL);
    pthread_cond_init(&writer->lead_or_close, NULL);
    epoch_begin(writer);
    writer->records = BUF_INIT(RECORDS_MAX);
    writer->frame = BUF_INIT(RECORDS_MAX);
    int r = batch_open(path, &writer->batch);
    if (r == 0)
        r = behind_open(writer->batch, not_run, writer, &writer->behind);
    if (r < 0)
        return r;
    (void)sqlite3_wal_hook(conn_handle(writer_conn(writer)), log_hook, writer);
    int err = pthread_create(&writer->leader, NULL, leader_thread, writer);
    if (err)
        return FAULT(err);
    writer->leader_runs = true;
    *ret = take(writer);
    return 0;
}

void writer_close(struct writer **writer)
{
    if (!*writer)
        return;
    int r = writer_flush(*writer);
    if (r < 0)
        log_debug("db", "the last commits are in the redo log alone: %s", strerror(-r));
    writer_free(writer);
}
