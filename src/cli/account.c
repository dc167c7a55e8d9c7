/* `slipway account create|list`: local accounts, each with a key pair and an anchor, at run time. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "workers/call.h"

#include <stdio.h>

#define SECRET_MAX 128

static const char *name, *access_key_id;

static int read_secret(char ret[SECRET_MAX + 2])
{
    if (!fgets(ret, SECRET_MAX + 2, stdin))
        return cli_fail(COMMAND_USAGE, "--access-key-id needs the secret access key on standard input");
    ret[strcspn(ret, "\r\n")] = '\0';
    if (!*ret)
        return cli_fail(COMMAND_USAGE, "the secret access key on standard input is empty");
    return 0;
}

static int create(struct cli *cli, const char *id)
{
    if (!name)
        return cli_fail(COMMAND_USAGE, "--name is needed: slipway account create %s --name NAME", id);
    json_t *in = json_pack("{s:s, s:s}", "AccountId", id, "AccountName", name);
    char secret[SECRET_MAX + 2] = "";
    if (access_key_id) {
        int status = read_secret(secret);
        if (!status &&
            (json_put_str(in, "AccessKeyId", access_key_id) || json_put_str(in, "SecretAccessKey", secret)))
            status = cli_fault(-ENOMEM);
        if (status) {
            json_decref(in);
            return status;
        }
    }
    CLEANUP(json_free) json_t *out = NULL;
    int status = cli_call(cli, "cannot create the account", "iam", "CreateLocalAccount", in, &out);
    if (status)
        return status;
    if (cli->json)
        return cli_print_json(out);
    const json_t *key = json_object_get(out, "AccessKey") ? json_object_get(out, "AccessKey") : out;
    cli_print("created account %s (%s)\n", id, name);
    if (!access_key_id)
        (void)printf("\n[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", name,
                     json_str(key, "AccessKeyId", ""), json_str(key, "SecretAccessKey", ""));
    return COMMAND_OK;
}

static int list(struct cli *cli)
{
    CLEANUP(json_free) json_t *out = NULL;
    int status = cli_call(cli, "cannot list accounts", "iam", "ListLocalAccounts", NULL, &out);
    if (status)
        return status;
    const json_t *accounts = work_list(out, "Accounts");
    if (cli->json)
        return cli_print_json(accounts);
    size_t index;
    json_t *account;
    json_array_foreach (accounts, index, account)
        cli_print("%s  %s\n", json_str(account, "AccountId", ""), json_str(account, "AccountName", ""));
    return COMMAND_OK;
}

int account_main(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"name", "NAME", "what the account is called (create)", &name, NULL},
        {"access-key-id", "ID", "import this key; its secret is read from standard input (create)",
         &access_key_id, NULL},
    };
    static const struct cli_spec spec = {
        "account create|list [ID]",
        "  account create ID --name NAME   make a local account, its key pair and its anchor\n"
        "  account list                    the local accounts there are",
        options,
        ARRAY_LEN(options),
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    bool creating = strcmp(cli.args[0], "create") == 0;
    if (!creating && strcmp(cli.args[0], "list") != 0)
        return cli_fail(COMMAND_USAGE, "'%s' is none of create, list", cli.args[0]);
    if (cli.arg_count != (creating ? 2U : 1U))
        return cli_fail(COMMAND_USAGE, "usage: slipway account %s",
                        creating ? "create ID --name NAME" : "list");
    return creating ? create(&cli, cli.args[1]) : list(&cli);
}
