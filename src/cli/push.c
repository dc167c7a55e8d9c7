/* `slipway push`: what `curl --aws-sigv4 -T` and `aws s3 cp` do, with the well-known key made for you. */
#include "base/io.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "workers/launcher/setup.h"
#include "workers/release_key.h"
#include "workers/zip.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int own_account(struct cli *cli, const char **ret, json_t **ret_owner)
{
    int status =
        cli_call(cli, "cannot tell whose credentials these are", "sts", "GetCallerIdentity", NULL, ret_owner);
    if (!status)
        *ret = json_str(*ret_owner, "Account", "");
    return status;
}

int well_known_key(struct cli *cli, const char *account, const char *app, const char *branch, char *ret,
                   size_t size)
{
    CLEANUP(json_free) json_t *owner = NULL;
    if (!account) {
        int status = own_account(cli, &account, &owner);
        if (status)
            return status;
    }
    struct release_key key;
    struct reason why = {{0}};
    int err = release_key_make(str_of(account), str_of(app), str_of(branch), &key, &why);
    if (err)
        return err < 0 ? cli_fault(err) : cli_fail(COMMAND_USAGE, "%s", why.text);
    (void)snprintf(ret, size, "%s/%s/%s/latest.zip", account, app, branch);
    return 0;
}

/* The artifact's file, which is what every account will be given. */
static int open_artifact(const char *path, const char *app, const char *branch, int *ret_fd)
{
    CLEANUP(close_fd) int fd = io_open(path, O_RDONLY, 0);
    struct stat st;
    if (fd < 0)
        return cli_fail(COMMAND_NOT_FOUND, "cannot read %s: %s", path, strerror(-fd));
    if (fstat(fd, &st) != 0)
        return cli_fault(-errno);
    if (S_ISDIR(st.st_mode))
        return cli_fail(COMMAND_REFUSED, "%s is a folder: an artifact is a zip of one (zip -r FILE .)", path);
    if (st.st_size == 0)
        return cli_fail(
            COMMAND_REFUSED,
            "%s is empty, and an empty artifact takes the branch down\n  That is `slipway teardown %s %s`",
            path, app, branch);
    struct reason why = {{0}};
    int r = zip_check(fd, &why);
    if (r > 0)
        return cli_fail(COMMAND_REFUSED, "%s cannot be released: %s", path, why.text);
    if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
        r = FAULT(errno);
    if (r < 0)
        return cli_fault(r);
    *ret_fd = take_fd(fd);
    return COMMAND_OK;
}

/* In one line, as a header's value must be. */
static int say(struct cli *cli, const char *key, int fd, const char *summary, char *ret_version)
{
    CLEANUP(free_ptr) char *line = summary ? str_dup(str_trim(str_of(summary))) : NULL;
    if (summary && !line)
        return cli_fault(-ENOMEM);
    for (char *at = line; at && *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7F)
            *at = ' ';
    const struct http_header header = {STR("x-amz-meta-codepipeline-artifact-revision-summary"),
                                       str_of(line)};
    return cli_put_object(cli, ARTIFACT_BUCKET, key, fd, (struct str){NULL, 0},
                          line && *line ? &header : NULL, ret_version);
}

int push_main(int argc, char **argv)
{
    static const char *account, *app, *branch = "main", *summary;
    static const struct cli_option options[] = {
        {"app", "NAME", "the application (needed)", &app, NULL},
        {"branch", "NAME", "the branch (default: main)", &branch, NULL},
        {"account", "ID", "the account that owns the application (default: the credentials' own)", &account,
         NULL},
        {"summary", "TEXT", "what it changes, for who is to approve it", &summary, NULL},
    };
    static const struct cli_spec spec = {
        "push FILE",
        "Puts a zip at the well-known key ACCOUNT/APP/BRANCH/latest.zip of the artifact bucket. The central "
        "team's\n"
        "rules take it from there; `slipway watch APP BRANCH` shows what happens to it.",
        options,
        ARRAY_LEN(options),
        1,
        1};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    if (!app)
        return cli_fail(COMMAND_USAGE, "--app is needed: slipway push FILE --app NAME --branch NAME");
    CLEANUP(close_fd) int fd = -1;
    status = open_artifact(cli.args[0], app, branch, &fd);
    if (status)
        return status;
    char key[1200];
    status = well_known_key(&cli, account, app, branch, key, sizeof(key));
    char version[128] = "";
    if (!status)
        status = say(&cli, key, fd, summary, version);
    if (status)
        return status;
    if (cli.json) {
        CLEANUP(json_free)
        json_t *out =
            json_pack("{s:s, s:s, s:s}", "bucket", ARTIFACT_BUCKET, "key", key, "versionId", version);
        return cli_print_json(out);
    }
    cli_print("pushed s3://%s/%s version %s\n", ARTIFACT_BUCKET, key, version);
    if (isatty(STDOUT_FILENO))
        cli_print("  `slipway watch %s %s` shows what happens to it\n", app, branch);
    return COMMAND_OK;
}
