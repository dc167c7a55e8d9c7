/* The anchor's process: options, the two polling loops, the stop. */
#include "workers/anchor/anchor.h"
#include "base/log.h"
#include "workers/worker.h"

static const char about[] =
    "Runs the jobs and builds of one account: takes them by long poll, works with that account's own\n"
    "credentials, reports results. Needs outbound connections only.";

int anchor_main(int argc, char **argv)
{
    struct worker_options options;
    CLEANUP(aws_client_free) struct aws_client *client = NULL;
    char account[ACCOUNT_ID_SIZE];
    int r;

    r = worker_options_parse(argc, argv, "anchor", about, &options);
    if (r)
        return r == WORKER_E_HELP ? 0 : 2;
    r = worker_watch_signals(options.exit_with_parent);
    if (r == 0)
        r = worker_client(&options, &client);
    if (r == 0)
        r = worker_account(client, &options, account);
    if (r)
        return r < 0 ? 1 : 3;
    log_info("anchor", "serves account %s", account);
    worker_wait_stop();
    return 0;
}
