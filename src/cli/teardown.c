/* `slipway teardown`: puts the zero-byte artifact, and can wait until nothing is left. */
#include "base/clock.h"
#include "cli/commands.h"
#include "cli/release.h"
#include "workers/call.h"
#include "workers/launcher/setup.h"

#include <stdio.h>

#define LOOK_AGAIN_MS 1000

/* COMMAND_REFUSED, told, when the launcher could not or would not do what the object of that version says. */
static int look_for_refusal(struct cli *cli, const char *version)
{
    CLEANUP(json_free) json_t *problems = NULL;
    int status = release_problems(cli, &problems);
    if (status)
        return status;
    size_t index;
    json_t *record;
    json_array_foreach (problems, index, record)
        if (strcmp(json_str(record, "versionId", ""), version) == 0) {
            (void)fprintf(stderr, "slipway: the launcher did not take it down:\n");
            (void)fflush(stderr);
            release_print_problem(record);
            return COMMAND_REFUSED;
        }
    return 0;
}

static int wait_gone(struct cli *cli, const char *account, const char *app, const char *branch,
                     const char *version, int64_t timeout_s)
{
    int64_t deadline = clock_mono_ms() + timeout_s * 1000;
    for (;;) {
        CLEANUP(json_free) json_t *list = NULL;
        int status = releases_list(cli, account, app, branch, &list);
        if (status)
            return status;
        if (json_array_size(list) == 0) {
            cli_print("nothing is left of %s %s\n", app, branch);
            return COMMAND_OK;
        }
        status = look_for_refusal(cli, version);
        if (status)
            return status;
        if (clock_mono_ms() >= deadline)
            return cli_fail(COMMAND_FAILED,
                            "release stack %s is still there (%s) after %lld s; `slipway status` tells why",
                            json_str(json_array_get(list, 0), "stack", ""),
                            json_str(json_array_get(list, 0), "stackStatus", ""), (long long)timeout_s);
        struct reason why = {{0}};
        CLEANUP(json_free) json_t *out = NULL;
        int err =
            work_call_wait(cli->client, "cloudformation", "DescribeStacks",
                           json_pack("{s:s}", "StackName", json_str(json_array_get(list, 0), "stack", "")),
                           LOOK_AGAIN_MS, &out, NULL, &why);
        if (err == WORK_E_RETRY || err == WORK_E_STOPPED || err < 0)
            return cli_fail(COMMAND_UNREACHABLE, "cannot look at the release stack: %s", why.text);
    }
}

int teardown_main(int argc, char **argv)
{
    static const char *account, *wait;
    static bool yes;
    static const struct cli_option options[] = {
        {"yes", NULL, "really do it", NULL, &yes},
        {"wait", "SECONDS", "wait until nothing is left, at most this long", &wait, NULL},
        {"account", "ID", "the account that owns the application (default: the release's)", &account, NULL},
    };
    static const struct cli_spec spec = {"teardown APP BRANCH",
                                         "Takes a branch down: puts a zero-byte artifact at its key. The "
                                         "launcher then stops what runs, deletes the\n"
                                         "application's stacks in every environment and the release stack. "
                                         "Branches that the catalog protects stay.",
                                         options,
                                         ARRAY_LEN(options),
                                         2,
                                         2};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    int64_t wait_s = 0;
    if (wait && !str_to_int(str_of(wait), 1, 24 * 3600, &wait_s))
        return cli_fail(COMMAND_USAGE, "--wait is a number of seconds, at most a day: '%s'", wait);
    CLEANUP(json_free) json_t *release = NULL;
    status = release_find(&cli, account, cli.args[0], cli.args[1], &release);
    if (status)
        return status;
    const char *owner = json_str(release, "account", "");
    char key[1200];
    status = well_known_key(&cli, owner, cli.args[0], cli.args[1], key, sizeof(key));
    if (status)
        return status;
    if (!yes)
        return cli_fail(COMMAND_REFUSED,
                        "this would remove every environment of %s %s (account %s)\n  Say --yes to do it",
                        cli.args[0], cli.args[1], owner);
    char version[128];
    status = cli_put_object(&cli, ARTIFACT_BUCKET, key, -1, (struct str){"", 0}, NULL, version);
    if (status)
        return status;
    cli_print("put zero bytes at s3://%s/%s\n", ARTIFACT_BUCKET, key);
    (void)fflush(stdout);
    return wait_s ? wait_gone(&cli, owner, cli.args[0], cli.args[1], version, wait_s) : COMMAND_OK;
}
