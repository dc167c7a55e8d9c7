/* The launcher's process: options, set-up, the receiving loop, the stop. */
#include "workers/launcher/launcher.h"
#include "base/log.h"
#include "workers/launcher/intake.h"
#include "workers/launcher/journal.h"
#include "workers/worker.h"
#include <locale.h>

#define RETRY_FIRST_MS 20
#define RETRY_MOST_MS 2000

static const char about[] =
    "Turns artifacts into running pipelines: receives the artifact bucket's events, matches the catalog,\n"
    "keeps each application branch's release stack, starts its pipeline; a zero-byte artifact takes it down.";

struct launcher {
    struct aws_client *client;
    struct aws_client *poller; /* cancelled at the stop, so that receiving ends at once */
    struct accounts *accounts;
    struct sources *sources;
    struct journal *journal;
    struct known *known;
    struct setup setup;
};

static void launcher_deinit(struct launcher *l)
{
    known_free(&l->known);
    journal_free(&l->journal);
    sources_free(&l->sources);
    accounts_free(&l->accounts);
    aws_client_free(&l->poller);
    aws_client_free(&l->client);
}

/* Sets up as long as it takes: the services may still be starting. */
static int ensure(struct launcher *l)
{
    int64_t pause_ms = RETRY_FIRST_MS;

    for (;;) {
        struct reason why = {0};
        int r = setup_ensure(l->client, &l->setup, &why);

        if (r == 0)
            r = journal_new(l->client, &l->journal, &why);
        if (r <= 0)
            return r;
        if (worker_pause(pause_ms))
            return WORKER_E_STOPPED;
        if (pause_ms >= RETRY_MOST_MS / 2)
            log_warn("launcher", "cannot set up yet: %s", why.text);
        pause_ms = pause_ms * 2 > RETRY_MOST_MS ? RETRY_MOST_MS : pause_ms * 2;
    }
}

static int prepare(struct launcher *l, const struct worker_options *options, char account[ACCOUNT_ID_SIZE])
{
    int r = worker_client(options, &l->client);

    if (r == 0)
        r = worker_client(options, &l->poller);
    if (r == 0)
        r = worker_account(l->client, options, account);
    if (r == 0)
        r = accounts_new(l->client, &l->accounts);
    if (r == 0)
        r = sources_new(l->client, &l->sources);
    if (r == 0)
        r = known_new(&l->known);
    return r ? r : ensure(l);
}

static int serve(struct launcher *l, const struct worker_options *options, const char *account)
{
    const struct releaser releaser = {
        .client = l->client,
        .account = account,
        .accounts = l->accounts,
        .sources = l->sources,
        .known = l->known,
    };
    struct intake *intake = NULL;
    int r = intake_new(&releaser, &l->setup, l->journal, l->poller, (size_t)options->jobs, &intake);

    if (r)
        return r;
    log_info("launcher", "serves account %s", account);
    worker_wait_stop();
    aws_client_cancel(l->poller);
    intake_free(&intake);
    return 0;
}

int launcher_main(int argc, char **argv)
{
    CLEANUP(launcher_deinit) struct launcher launcher = {0};
    struct worker_options options;
    char account[ACCOUNT_ID_SIZE];
    int r = worker_options_parse(argc, argv, "launcher", about, &options);

    if (r)
        return r == WORKER_E_HELP ? 0 : 2;
    setlocale(LC_CTYPE, "C.UTF-8");
    r = worker_watch_signals(options.exit_with_parent);
    if (r == 0)
        r = prepare(&launcher, &options, account);
    if (r == 0)
        r = serve(&launcher, &options, account);
    if (r < 0) {
        log_error("launcher", "cannot go on: %s", strerror(-r));
        return 1;
    }
    return r == WORKER_E_REFUSED ? 3 : 0;
}
