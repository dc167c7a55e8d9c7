/* Durable commits per second of db/ at 1, 8 and 64 callers, each against one caller's of the same round.
 * Rounds are interleaved and the median is told, since the machine's disk is noisy. One JSON line per figure.
 * Usage: db_bench [FOLDER [ROUNDS [MILLISECONDS]]] */
#include "base/clock.h"
#include "base/io.h"
#include "db/db.h"
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define MOST_CALLERS 64
#define MOST_ROUNDS 15

static const int callers_of[] = {1, 8, 64};

static const struct db_migration migrations[] = {
    {1, "CREATE TABLE bench_row (caller BIGINT NOT NULL, number BIGINT NOT NULL, body TEXT NOT NULL, "
        "PRIMARY KEY (caller, number))"},
};
static const struct db_schema schema = {"bench", migrations, 1};

struct caller {
    pthread_t thread;
    struct db *db;
    int64_t number;
    int64_t until_us;
    int64_t commits;
    int result;
};

static int commit_one(struct caller *caller)
{
    char body[80]; /* another each time: SQLite leaves out writes that change nothing */
    (void)snprintf(body, sizeof(body), "{\"state\":\"InProgress\",\"revision\":\"%020lld\"}",
                   (long long)caller->commits);
    struct tx *tx = NULL;
    int r = db_begin(caller->db, &tx);
    if (r < 0)
        return r;
    r = tx_exec(tx,
                "INSERT INTO bench_row (caller, number, body) VALUES ($1, $2, $3) "
                "ON CONFLICT (caller, number) DO UPDATE SET body = excluded.body",
                "iis", caller->number, caller->commits % 1000, body);
    if (r != 0) {
        db_end(&tx);
        return r;
    }
    return db_commit(&tx);
}

static void *caller_run(void *arg)
{
    struct caller *caller = arg;
    while (caller->result == 0 && clock_mono_us() < caller->until_us) {
        caller->result = commit_one(caller);
        caller->commits++;
    }
    return NULL;
}

/* Commits per second of so many callers; negative on a fault. `ret_shared`: commits to a sync. */
static double measure(struct db *db, int count, int64_t run_ms, double *ret_shared)
{
    struct caller callers[MOST_CALLERS];
    struct db_stats before = db_stats(db);
    int64_t start_us = clock_mono_us(), commits = 0;
    int started = 0, fault = 0;
    for (; started < count && !fault; started++) {
        callers[started] = (struct caller){.db = db, .number = started, .until_us = start_us + run_ms * 1000};
        fault = pthread_create(&callers[started].thread, NULL, caller_run, &callers[started]);
    }
    for (int i = 0; i < started - (fault ? 1 : 0); i++) {
        pthread_join(callers[i].thread, NULL);
        commits += callers[i].commits;
        fault = callers[i].result ? callers[i].result : fault;
    }
    struct db_stats after = db_stats(db);
    *ret_shared = (double)(after.commits - before.commits) / (double)(after.groups - before.groups);
    return fault ? -1 : (double)commits * 1e6 / (double)(clock_mono_us() - start_us);
}

static int by_value(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(values[0]), by_value);
    return values[count / 2];
}

static int run(struct db *db, size_t rounds, int64_t run_ms)
{
    double rates[ARRAY_LEN(callers_of)][MOST_ROUNDS], ratios[ARRAY_LEN(callers_of)][MOST_ROUNDS];
    double shared[ARRAY_LEN(callers_of)][MOST_ROUNDS];
    for (size_t round = 0; round < rounds; round++) {
        for (size_t i = 0; i < ARRAY_LEN(callers_of); i++) {
            rates[i][round] = measure(db, callers_of[i], run_ms, &shared[i][round]);
            if (rates[i][round] < 0)
                return 1;
            ratios[i][round] = rates[i][round] / rates[0][round];
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(callers_of); i++) {
        printf("{\"bench\": \"db_commits\", \"callers\": %d, \"commits_per_s\": %.0f, "
               "\"ratio_to_one_caller\": %.2f, \"commits_per_sync\": %.1f, \"rounds\": %zu}\n",
               callers_of[i], median(rates[i], rounds), median(ratios[i], rounds), median(shared[i], rounds),
               rounds);
    }
    return 0;
}

int main(int argc, char **argv)
{
    char folder[4096], path[4200];
    int64_t rounds = 5, run_ms = 1000;
    const char *schema_name = NULL;
    struct db *db = NULL;
    if ((argc > 2 && !str_to_int(str_of(argv[2]), 1, MOST_ROUNDS, &rounds)) ||
        (argc > 3 && !str_to_int(str_of(argv[3]), 10, 60000, &run_ms))) {
        (void)fprintf(stderr, "usage: db_bench [FOLDER [ROUNDS 1..%d [MILLISECONDS 10..60000]]]\n",
                      MOST_ROUNDS);
        return 2;
    }
    (void)snprintf(folder, sizeof(folder), "%s/slipway-bench-XXXXXX", argc > 1 ? argv[1] : "/tmp");
    if (!mkdtemp(folder)) {
        (void)fprintf(stderr, "db_bench: no folder can be made in %s: %s\n", argc > 1 ? argv[1] : "/tmp",
                      strerror(errno));
        return 1;
    }
    (void)snprintf(path, sizeof(path), "%s/bench.db", folder);
    int r = db_open(path, &db);
    if (r == 0)
        r = db_migrate(db, &schema, 1, &schema_name);
    if (r == 0)
        r = run(db, (size_t)rounds, run_ms);
    db_close(&db);
    int removed = io_remove_tree(folder);
    return r != 0 || removed != 0;
}
