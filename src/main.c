/* The subcommand table: `slipway NAME …` runs the row of that name. */
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/crew.h"
#include "cli/serve.h"
#include "wire/json_memory.h"
#include "workers/anchor/anchor.h"
#include "workers/courier/courier.h"
#include "workers/launcher/launcher.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct command commands[] = {
    {"serve", "serve every service on one port, with launcher, courier and anchors", serve_main},
    {"push", "deliver an artifact to its well-known key", push_main},
    {"status", "which version is where, and what needs attention", status_main},
    {"watch", "show an execution while it runs", watch_main},
    {"explain", "what each execution waits for right now", explain_main},
    {"approve", "let a waiting execution go on", approve_main},
    {"reject", "stop a waiting execution", reject_main},
    {"retry", "repeat a failed stage", retry_main},
    {"rollback", "bring an earlier version back to a stage", rollback_main},
    {"stop", "stop a running execution", stop_main},
    {"override", "let an execution past a stage's condition", override_main},
    {"freeze", "stop the line: hold pipelines before stages", freeze_main},
    {"thaw", "end a freeze", thaw_main},
    {"freezes", "list freezes", freezes_main},
    {"history", "who did what to a pipeline, when and why", history_main},
    {"logs", "print the log of a build or test action", logs_main},
    {"notifications", "what became of notifications, and trying a dead one again", notifications_main},
    {"teardown", "remove a branch from every environment", teardown_main},
    {"catalog", "apply, compare or show the central team's catalog", catalog_main},
    {"template", "put or list release templates", template_main},
    {"backup", "copy the data folder while it is served", backup_main},
    {"restore", "make a data folder from a backup", restore_main},
    {"bucket", "verify stored objects; what accounts keep, and their quotas", bucket_main},
    {"account", "create or list local accounts", account_main},
    {"launcher", "turn delivered artifacts into release stacks and executions", launcher_main},
    {"courier", "carry notifications to webhooks and mailboxes", courier_main},
    {"anchor", "run one account's jobs and builds", anchor_main},
    {CREW_COMMAND, NULL, crew_main},
    {NULL, NULL, NULL},
};

static void print_usage(FILE *to)
{
    (void)fprintf(to, "Slipway %s: the release side of CI/CD.\n\nusage: slipway COMMAND [options]\n\n",
                  SLIPWAY_VERSION);
    for (const struct command *command = commands; command->name; command++)
        if (command->summary)
            (void)fprintf(to, "  %-14s %s\n", command->name, command->summary);
    (void)fprintf(to, "\n`slipway COMMAND --help` tells a command's options.\n");
}

/* What is asked of the program itself rather than of a command: --help, --version. -1: neither. */
static int run_option(const char *word)
{
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
        print_usage(stdout);
        return COMMAND_OK;
    }
    if (strcmp(word, "--version") != 0)
        return -1;
    (void)printf("slipway %s\n", SLIPWAY_VERSION);
    return COMMAND_OK;
}

/* A command whose output was lost has failed. */
static int told(int status)
{
    if ((fflush(stdout) == 0 && !ferror(stdout)) || status != COMMAND_OK)
        return status;
    (void)fputs("slipway: what was to be printed could not be written: is the disk full, or the output "
                "closed?\n",
                stderr);
    return COMMAND_FAILED;
}

/* What the caller has closed is not to become a file of ours, with our words written into it. Writing to them
 * goes on failing. */
static int hold_standard_fds(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDONLY);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (hold_standard_fds() != 0)
        return COMMAND_FAILED;
    json_memory_init();
    if (argc < 2) {
        print_usage(stderr);
        return COMMAND_USAGE;
    }
    for (const struct command *command = commands; command->name; command++)
        if (strcmp(command->name, argv[1]) == 0)
            return told(command->run(argc - 1, argv + 1));
    int status = run_option(argv[1]);
    if (status >= 0)
        return told(status);
    (void)fprintf(stderr, "slipway: no command is named '%s'; `slipway --help` lists them.\n", argv[1]);
    return COMMAND_USAGE;
}
