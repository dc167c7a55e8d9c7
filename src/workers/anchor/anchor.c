/* The anchor's process: options, the two polling loops, a thread for each job, the stop.
 *
 * Of a loop's threads one polls; who has polled does the first of what came, and another polls: so it is done
 * by a thread that is awake. One that is done with its job waits for its turn to poll, unless enough do. */
#include "workers/anchor/anchor.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/json.h"
#include "workers/anchor/work.h"
#include "workers/worker.h"
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define POLL_MS 30000
#define BATCH_MAX 50
#define RETRY_FIRST_MS 20
#define RETRY_MOST_MS 2000
#define THREAD_STACK_BYTES 524288
#define SPARE_MAX 1

static const char about[] =
    "Runs the jobs and builds of one account: takes them by long poll, works with that account's own\n"
    "credentials, reports results. Needs outbound connections only.";

/* One kind of work: where it is polled and what runs it. */
struct loop {
    const char *service;
    const char *operation;
    const char *list; /* the answer's member */
    void (*run)(const struct anchor *anchor, json_t *tree, json_t **ret_next);
    const struct anchor *anchor;
    struct aws_client *poller;
    struct slots *slots;
    struct slots *builds; /* so many jobs may come with a build; NULL: none does */
    bool polled;
    atomic_int *untold;   /* loops that have not */
    int64_t pause_ms;     /* of who polls, when that fails */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t threads;
    size_t spare; /* that wait for their turn to poll */
    bool polling;
};

struct assignment {
    struct loop *loop;
    json_t *tree;
};

/* Takes the tree's reference, and a slot. */
static void work(struct loop *loop, json_t *tree)
{
    while (tree) {
        json_t *next = NULL;

        loop->run(loop->anchor, tree, &next);
        tree = next;
    }
    slots_give(loop->slots);
}

static void *assignment_run(void *arg)
{
    struct assignment assignment = *(struct assignment *)arg;

    free(arg);
    work(assignment.loop, assignment.tree);
    return NULL;
}

/* Starts a thread that nobody joins: 0 or the system's error. */
static int thread_start(void *(*run)(void *), void *arg)
{
    pthread_attr_t attributes;
    pthread_t thread;
    int r;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, THREAD_STACK_BYTES);
    r = pthread_create(&thread, &attributes, run, arg);
    pthread_attr_destroy(&attributes);
    return r;
}

/* Gives the tree's reference to a thread of its own. What cannot be started is offered again by its lease. */
static void assign(struct loop *loop, json_t *tree)
{
    struct assignment *assignment = mem_alloc(sizeof(*assignment));
    int r = ENOMEM;

    slots_take(loop->slots);
    if (assignment) {
        *assignment = (struct assignment){loop, json_incref(tree)};
        r = thread_start(assignment_run, assignment);
    }
    if (r == 0)
        return;
    log_error("anchor", "no thread for %s: %s", json_str(tree, "id", "?"), strerror(r));
    if (assignment)
        json_decref(assignment->tree);
    free(assignment);
    slots_give(loop->slots);
}

/* Until a first poll has told of them; a copy, because both loops do. */
static json_t *predecessors(const struct loop *loop)
{
    const json_t *ended = loop->anchor->folder->ended;

    return loop->polled || json_array_size(ended) == 0 ? NULL : json_deep_copy(ended);
}

static void polled(struct loop *loop)
{
    if (!loop->polled && atomic_fetch_sub(loop->untold, 1) == 1)
        work_folder_told(loop->anchor->folder);
    loop->polled = true;
}

static int64_t batch(int64_t free)
{
    return free > BATCH_MAX ? BATCH_MAX : free;
}

static json_t *poll_input(const struct loop *loop, int64_t most)
{
    json_t *in =
        json_pack("{s:I, s:i, s:s, s:o*}", "maxBatchSize", (json_int_t)batch(most), "waitMs", POLL_MS,
                  "workerId", loop->anchor->folder->worker_id, "successorOf", predecessors(loop));

    if (in && loop->builds)
        json_put_int(in, "builds", batch(slots_free(loop->builds)));
    return in;
}

/* *ret_first: the first of what came, with a slot, for the caller to work on; NULL: nothing did. */
static int poll_once(struct loop *loop, json_t **ret_first)
{
    CLEANUP(json_free) json_t *out = NULL;
    struct reason why = {0};
    const json_t *list;
    json_t *tree;
    int64_t most = slots_await(loop->slots);
    json_t *in;
    size_t i;
    int r;

    if (most == 0)
        return WORK_E_STOPPED;
    in = poll_input(loop, most);
    r = in ? work_call(loop->poller, loop->service, loop->operation, in, &out, NULL, &why) : FAULT(ENOMEM);

    if (r && !worker_stopping())
        log_warn("anchor", "%s", why.text[0] ? why.text : strerror(r < 0 ? -r : EIO));
    if (r == 0)
        polled(loop);
    list = work_list(out, loop->list);
    json_array_foreach (list, i, tree) {
        if (i > 0) {
            assign(loop, tree);
            continue;
        }
        slots_take(loop->slots);
        *ret_first = json_incref(tree);
    }
    return r;
}

static void *loop_run(void *arg);

/* Called with the lock. Whoever is to poll while this thread works. */
static int poller_start(struct loop *loop)
{
    int r;

    if (loop->spare > 0) {
        pthread_cond_broadcast(&loop->changed);
        return 0;
    }
    r = thread_start(loop_run, loop);
    loop->threads += r == 0;
    return r;
}

static void leave(const struct loop *loop, json_t **tree)
{
    log_error("anchor", "no thread for %s", json_str(*tree, "id", "?"));
    json_free(tree);
    slots_give(loop->slots);
}

/* Called and returns with the lock. */
static void loop_turn(struct loop *loop)
{
    json_t *first = NULL;
    int r;

    loop->polling = true;
    pthread_mutex_unlock(&loop->lock);
    r = poll_once(loop, &first);
    if (r)
        worker_pause(loop->pause_ms);
    loop->pause_ms = r == 0                               ? RETRY_FIRST_MS
                     : loop->pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS
                                                          : loop->pause_ms * 2;
    pthread_mutex_lock(&loop->lock);
    loop->polling = false;
    if (worker_stopping())
        pthread_cond_broadcast(&loop->changed);
    else if (first && poller_start(loop)) /* this one must: the job is offered again by its lease */
        leave(loop, &first);
    pthread_mutex_unlock(&loop->lock);
    if (first)
        work(loop, first);
    pthread_mutex_lock(&loop->lock);
}

/* Called and returns with the lock. False: there is nothing for this thread to do. */
static bool loop_await(struct loop *loop)
{
    if (loop->polling && loop->spare >= SPARE_MAX)
        return false;
    loop->spare++;
    while (loop->polling && !worker_stopping())
        pthread_cond_wait(&loop->changed, &loop->lock);
    loop->spare--;
    return !worker_stopping();
}

static void *loop_run(void *arg)
{
    struct loop *loop = arg;

    pthread_mutex_lock(&loop->lock);
    while (loop_await(loop))
        loop_turn(loop);
    loop->threads--;
    pthread_cond_broadcast(&loop->changed);
    pthread_mutex_unlock(&loop->lock);
    return NULL;
}

static int loop_start(struct loop *loop, const struct anchor *anchor, const struct worker_options *options)
{
    int r = worker_client(options, &loop->poller);

    if (r)
        return r;
    loop->anchor = anchor;
    loop->pause_ms = RETRY_FIRST_MS;
    pthread_mutex_lock(&loop->lock);
    r = poller_start(loop);
    pthread_mutex_unlock(&loop->lock);
    return r ? FAULT(r) : 0;
}

/* Ends all polls together: nothing that is handed back afterwards comes here again. */
static void loops_stop_polling(struct loop *loops, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        slots_close(loops[i].slots);
        if (loops[i].poller)
            aws_client_cancel(loops[i].poller);
    }
    for (size_t i = 0; i < count; i++) {
        pthread_mutex_lock(&loops[i].lock);
        pthread_cond_broadcast(&loops[i].changed);
        while (loops[i].polling)
            pthread_cond_wait(&loops[i].changed, &loops[i].lock);
        pthread_mutex_unlock(&loops[i].lock);
    }
}

static void loop_end(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    while (loop->threads > 0)
        pthread_cond_wait(&loop->changed, &loop->lock);
    pthread_mutex_unlock(&loop->lock);
    if (loop->poller)
        slots_await_all(loop->slots);
    aws_client_free(&loop->poller);
    pthread_cond_destroy(&loop->changed);
    pthread_mutex_destroy(&loop->lock);
}

static int serve(const struct anchor *anchor, const struct worker_options *options)
{
    atomic_int untold = 2;
    struct loop loops[] = {
        {.service = "codepipeline",
         .untold = &untold,
         .operation = "PollForAccountJobs",
         .list = "jobs",
         .run = job_run,
         .slots = anchor->jobs,
         .builds = anchor->builds},
        {.service = "codebuild",
         .untold = &untold,
         .operation = "PollForBuilds",
         .list = "builds",
         .run = build_run,
         .slots = anchor->builds},
    };
    int r = 0;

    for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
        pthread_mutex_init(&loops[i].lock, NULL);
        pthread_cond_init(&loops[i].changed, NULL);
    }
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(loops); i++)
        r = loop_start(&loops[i], anchor, options);
    if (r == 0) {
        log_info("anchor", "serves account %s", anchor->account);
        worker_wait_stop();
    }
    worker_stop();
    loops_stop_polling(loops, ARRAY_LEN(loops));
    leases_cancel_all(anchor->leases);
    accounts_cancel(anchor->accounts);
    for (size_t i = 0; i < ARRAY_LEN(loops); i++)
        loop_end(&loops[i]);
    return r;
}

/* CACHE/ACCOUNT when the folder is shared by several accounts' anchors. */
static int cache_folder(const struct worker_options *options, const char *account, char **ret)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int len;

    if (options->cache_dir)
        len = asprintf(ret, "%s/%s", options->cache_dir, account);
    else if (xdg && xdg[0])
        len = asprintf(ret, "%s/slipway/%s", xdg, account);
    else
        len = asprintf(ret, "%s/.cache/slipway/%s", home && home[0] ? home : "/tmp", account);
    return len < 0 ? FAULT(ENOMEM) : 0;
}

struct parts {
    struct anchor anchor;
    char account[ACCOUNT_ID_SIZE];
    char *cache_dir;
    char *artifacts_dir;
    struct work_folder folder;
    struct sandbox *sandbox;
    struct slots jobs;
    struct slots builds;
};

static void parts_deinit(struct parts *parts)
{
    slots_deinit(&parts->jobs);
    slots_deinit(&parts->builds);
    leases_free(&parts->anchor.leases);
    rooms_free(&parts->anchor.rooms);
    buildspec_memo_free(&parts->anchor.specs);
    sandbox_free(&parts->sandbox);
    cache_free(&parts->anchor.cache);
    accounts_free(&parts->anchor.accounts);
    aws_client_free(&parts->anchor.client);
    work_folder_leave(&parts->folder);
    free(parts->artifacts_dir);
    free(parts->cache_dir);
}

static int folders_make(struct parts *parts, const struct worker_options *options)
{
    int r = cache_folder(options, parts->account, &parts->cache_dir);

    if (r)
        return r;
    if (asprintf(&parts->artifacts_dir, "%s/artifacts", parts->cache_dir) < 0)
        return FAULT(ENOMEM);
    r = io_mkdir_parents(parts->cache_dir, 0700);
    if (r)
        return r;
    (void)io_spread_folders(parts->cache_dir);
    r = work_folder_take(parts->cache_dir, &parts->folder);
    if (r)
        return r;
    return cache_new(parts->artifacts_dir, options->cache_mib << 20, &parts->anchor.cache);
}

static int sandbox_make(struct parts *parts)
{
    struct reason why = {0};
    int r = sandbox_new(parts->folder.path, &parts->sandbox, &why);

    if (r == 0 && why.text[0])
        log_warn("anchor", "each sandbox is built anew, which takes longer: %s", why.text);
    parts->anchor.sandbox = parts->sandbox;
    return r;
}

static int prepare(struct parts *parts, const struct worker_options *options)
{
    struct anchor *anchor = &parts->anchor;
    int r = worker_client(options, &anchor->client);

    parts->jobs.free = parts->jobs.all = parts->builds.free = parts->builds.all = options->jobs;
    anchor->jobs = &parts->jobs;
    anchor->builds = &parts->builds;
    if (r == 0)
        r = worker_account(anchor->client, options, parts->account);
    if (r == 0)
        r = accounts_new(anchor->client, &anchor->accounts);
    if (r == 0)
        r = leases_new(&anchor->leases);
    if (r == 0)
        r = buildspec_memo_new(&anchor->specs);
    if (r == 0)
        r = folders_make(parts, options);
    if (r)
        return r;
    anchor->account = parts->account;
    anchor->folder = &parts->folder;
    if (!options->no_sandbox)
        r = sandbox_make(parts);
    return r ? r : rooms_new(parts->folder.path, parts->sandbox, &anchor->rooms);
}

int anchor_main(int argc, char **argv)
{
    CLEANUP(parts_deinit) struct parts parts = {.folder.lock_fd = -1};
    struct worker_options options;
    int r;

    slots_init(&parts.jobs, 1);
    slots_init(&parts.builds, 1);
    r = worker_options_parse(argc, argv, "anchor", about, &options);
    if (r)
        return r == WORKER_E_HELP ? 0 : 2;
    setlocale(LC_CTYPE, "C.UTF-8");
    (void)setenv("TZ", ":/etc/localtime", 0); /* unset, that file is looked up for each time in an archive */
    r = worker_watch_signals(options.exit_with_parent);
    if (r == 0)
        r = prepare(&parts, &options);
    if (r == 0)
        r = serve(&parts.anchor, &options);
    if (r < 0) {
        log_error("anchor", "cannot go on: %s", strerror(-r));
        return 1;
    }
    return r == WORKER_E_REFUSED ? 3 : 0;
}
