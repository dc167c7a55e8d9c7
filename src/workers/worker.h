/* What launcher and anchor share as processes: options, the client, stopping.
 *
 * Threads ask worker_stopping() and pause in worker_pause(), which returns at once when the process is told
 * to stop. */
#pragma once

#include "base/base.h"
#include "http/aws.h"

#define ACCOUNT_ID_SIZE 13

struct worker_options {
    const char *account;      /* NULL: asked of sts */
    const char *endpoint_url; /* NULL: environment or AWS */
    const char *profile;      /* NULL: environment */
    const char *cache_dir;    /* NULL: SLIPWAY_CACHE, else below XDG_CACHE_HOME */
    int64_t jobs;             /* at once */
    int64_t cache_mib;
    bool no_sandbox;          /* benchmarks only */
    int64_t exit_with_parent; /* the parent; 0: no matter */
};

enum worker_outcome {
    WORKER_E_HELP = 1,  /* help was printed: exit 0 */
    WORKER_E_USAGE = 2, /* the mistake was printed: exit 2 */
    WORKER_E_STOPPED = 3,
    WORKER_E_REFUSED = 4, /* credentials refused or missing: printed */
};

/* `about` is the help's first paragraph. Strings are argv's or the environment's. */
int worker_options_parse(int argc, char **argv, const char *name, const char *about,
                         struct worker_options *ret) MUST_USE;

/* A client of its own (own connections, cancelled apart from others). WORKER_E_REFUSED. */
int worker_client(const struct worker_options *options, struct aws_client **ret) MUST_USE;
/* Waits until the endpoint answers and tells whose credentials these are. WORKER_E_STOPPED, WORKER_E_REFUSED
 * (also when options->account is another one). */
int worker_account(struct aws_client *client, const struct worker_options *options,
                   char ret[ACCOUNT_ID_SIZE]) MUST_USE;

/* From now on SIGTERM and SIGINT mean worker_stop(), and so does the end of the parent when its process id is
 * given, also one that ended before. Call it before any thread is started. */
int worker_watch_signals(int64_t exit_with_parent) MUST_USE;
void worker_wait_stop(void);
void worker_stop(void);
bool worker_stopping(void);
/* Waits ms milliseconds or until the stop; true when stopping. */
bool worker_pause(int64_t ms);

/* Why a call failed, for a person: "CODE: message", or that nobody answered. */
const char *worker_error_text(int outcome, const struct aws_error *error);
