/* `slipway catalog apply|diff|show`: the central team's table, checked before it is put. */
#include "workers/catalog.h"
#include "base/io.h"
#include "base/proc.h"
#include "cli/cli.h"
#include "cli/commands.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int check(const char *path, struct buf *ret_text, size_t *ret_rules)
{
    int status = cli_read_file(path, CATALOG_MAX_BYTES, ret_text);
    if (status)
        return status;
    CLEANUP(catalog_free) struct catalog *catalog = NULL;
    struct reason why = {{0}};
    int err = catalog_parse(buf_str(ret_text), &catalog, &why);
    if (err)
        return err < 0 ? cli_fault(err) : cli_fail(COMMAND_FAILED, "%s: %s", path, why.text);
    *ret_rules = catalog->rule_count;
    return 0;
}

/* What is applied now; empty when nothing is. */
static int current(struct cli *cli, struct buf *ret)
{
    *ret = BUF_INIT(CATALOG_MAX_BYTES);
    struct aws_error error = {0};
    struct http_exchange exchange = {.answer = BUF_INIT(CATALOG_MAX_BYTES),
                                     .raw_headers = BUF_INIT(64 * 1024),
                                     .sink_fd = -1,
                                     .body_fd = -1};
    const struct aws_s3_request request = {
        .method = "GET", .bucket = CATALOG_BUCKET, .key = CATALOG_KEY, .body_fd = -1, .sink_fd = -1};
    int err = aws_s3(cli->client, &request, &exchange, &error);
    buf_free(&exchange.raw_headers);
    if (!err) {
        *ret = exchange.answer;
        return 0;
    }
    buf_free(&exchange.answer);
    if (err == AWS_E_SERVICE && strcmp(error.code, "NoSuchKey") == 0)
        return 0;
    return cli_call_failed("cannot read the catalog", err, &error);
}

static int apply(struct cli *cli, const char *path)
{
    CLEANUP(buf_free) struct buf text = BUF_INIT(CATALOG_MAX_BYTES);
    size_t rules = 0;
    char version[128] = "";
    int status = check(path, &text, &rules);
    if (!status)
        status = cli_put_object(cli, CATALOG_BUCKET, CATALOG_KEY, -1, buf_str(&text), NULL, version);
    if (status)
        return status;
    cli_print("applied %s: %zu rule%s, catalog version %s\n", path, rules, rules == 1 ? "" : "s", version);
    return COMMAND_OK;
}

static int show(struct cli *cli, const char *path)
{
    (void)path;
    CLEANUP(buf_free) struct buf text = BUF_INIT(CATALOG_MAX_BYTES);
    int status = current(cli, &text);
    if (status)
        return status;
    if (text.len == 0)
        return cli_fail(COMMAND_NOT_FOUND, "no catalog is applied yet: slipway catalog apply FILE");
    return fwrite(text.ptr, 1, text.len, stdout) == text.len
               ? COMMAND_OK
               : cli_fail(COMMAND_FAILED, "cannot write the catalog");
}

/* The applied catalog in a file without a name that outlives this program, for diff. */
static int as_file(const struct buf *text, int *ret_fd)
{
    CLEANUP(close_fd) int fd = io_open("/tmp", O_TMPFILE | O_RDWR, 0600);
    if (fd < 0)
        return cli_fault(fd);
    int err = text->len ? io_write_all(fd, text->ptr, text->len) : 0;
    if (err)
        return cli_fault(err);
    if (lseek(fd, 0, SEEK_SET) < 0)
        return cli_fault(-errno);
    *ret_fd = take_fd(fd);
    return 0;
}

static int diff(struct cli *cli, const char *path)
{
    CLEANUP(buf_free) struct buf wanted = BUF_INIT(CATALOG_MAX_BYTES);
    CLEANUP(buf_free) struct buf applied = BUF_INIT(CATALOG_MAX_BYTES);
    CLEANUP(close_fd) int fd = -1;
    size_t rules = 0;
    int status = check(path, &wanted, &rules);
    if (!status)
        status = current(cli, &applied);
    if (!status)
        status = as_file(&applied, &fd);
    if (status)
        return status;
    (void)fflush(stdout);
    const char *const command[] = {"diff", "-u", "--label", "applied", "--label", path, "-", path, NULL};
    const struct proc_spec spec = {.argv = command, .stdin_fd = fd, .stdout_fd = -1, .stderr_fd = -1};
    pid_t pid = 0;
    int wait_status = 0;
    int err = proc_spawn(&spec, &pid);
    if (!err)
        err = proc_wait(pid, -1, &wait_status);
    if (err)
        return cli_fail(COMMAND_FAILED, "cannot run diff: %s", strerror(-err));
    if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) > 1)
        return cli_fail(COMMAND_FAILED, "diff failed");
    return WEXITSTATUS(wait_status) == 0 ? COMMAND_OK : COMMAND_FAILED;
}

static const struct {
    const char *name;
    bool needs_file;
    int (*run)(struct cli *cli, const char *path);
} actions[] = {{"apply", true, apply}, {"diff", true, diff}, {"show", false, show}};

int catalog_main(int argc, char **argv)
{
    static const struct cli_spec spec = {
        "catalog apply|diff|show [FILE]",
        "  catalog apply FILE   check the file and make it the catalog\n"
        "  catalog diff FILE    what apply would change: 0 nothing, 1 something\n"
        "  catalog show         the catalog as it is applied",
        NULL,
        0,
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(actions[i].name, cli.args[0]) != 0)
            continue;
        if (actions[i].needs_file != (cli.arg_count == 2))
            return cli_fail(COMMAND_USAGE, "usage: slipway catalog %s%s", actions[i].name,
                            actions[i].needs_file ? " FILE" : "");
        return actions[i].run(&cli, cli.args[1]);
    }
    return cli_fail(COMMAND_USAGE, "'%s' is none of apply, diff, show", cli.args[0]);
}
