/* The launcher's process: options, set-up, the receiving loop, the stop. */
#include "workers/launcher/launcher.h"
#include "base/log.h"
#include "workers/worker.h"

static const char about[] =
    "Turns artifacts into running pipelines: receives the artifact bucket's events, matches the catalog,\n"
    "keeps each application branch's release stack, starts its pipeline; a zero-byte artifact takes it down.";

int launcher_main(int argc, char **argv)
{
    struct worker_options options;
    CLEANUP(aws_client_free) struct aws_client *client = NULL;
    char account[ACCOUNT_ID_SIZE];
    int r;

    r = worker_options_parse(argc, argv, "launcher", about, &options);
    if (r)
        return r == WORKER_E_HELP ? 0 : 2;
    r = worker_watch_signals(options.exit_with_parent);
    if (r == 0)
        r = worker_client(&options, &client);
    if (r == 0)
        r = worker_account(client, &options, account);
    if (r)
        return r < 0 ? 1 : 3;
    log_info("launcher", "serves account %s", account);
    worker_wait_stop();
    return 0;
}
