/* `slipway backup DIR` and `slipway restore DIR`: they work on data folders, not by requests; the server may
 * go on meanwhile. */
#include "services/backup.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include <getopt.h>
#include <stdio.h>

struct words {
    const char *name;
    const char *usage;
    const char *done;
    int (*run)(const char *from, const char *to, struct transfer *ret);
    bool from_data;
};

static const struct words backup = {
    "backup",
    "Usage: slipway backup DIR [--data DATA]\n\n"
    "Copies the data folder (default slipway-data) into DIR as it is at one moment, while it is served. "
    "Every\n"
    "object is compared with its SHA-256 on the way. Again into the same DIR: only objects that are new are\n"
    "copied; one that is cut off leaves the backup before it whole. DIR holds credentials and keys: keep it "
    "as\n"
    "you keep DATA.\n\n"
    "Exit status: 0 done; 1 failed, or objects are damaged (they are named, the rest is copied); 2 wrong "
    "options.\n",
    "backed up", backup_make, true};
static const struct words restore = {"restore",
                                     "Usage: slipway restore DIR [--data DATA]\n\n"
                                     "Makes the data folder DATA (default slipway-data), which must have no "
                                     "database yet, from the backup in DIR.\n"
                                     "Every object is compared with its SHA-256 on the way. Stop the server "
                                     "of the old folder first: what both\n"
                                     "would run, would run twice.\n\n"
                                     "Exit status: 0 done; 1 failed, or objects are damaged (they are named, "
                                     "the rest is copied); 2 wrong options.\n",
                                     "restored", backup_restore, false};

static int print_missing(const json_t *missing)
{
    const json_t *blob;
    size_t i;
    json_array_foreach (missing, i, blob)
        (void)fprintf(stderr, "slipway: blob %s is left out: %s\n", json_str(blob, "file", ""),
                      json_str(blob, "why", ""));
    if (json_array_size(missing) == 0)
        return COMMAND_OK;
    (void)fprintf(stderr,
                  "slipway: %zu blobs are damaged or gone; `slipway bucket verify` names the objects.\n",
                  json_array_size(missing));
    return COMMAND_FAILED;
}

static int failed(const struct words *words, int rc, const char *from, const char *to)
{
    switch (rc) {
    case BACKUP_E_NO_DATA:
        return cli_fail(COMMAND_NOT_FOUND, "%s has no slipway.db: it is no %s", from,
                        words->from_data ? "data folder (give it by --data)" : "backup");
    case BACKUP_E_OCCUPIED:
        return cli_fail(COMMAND_REFUSED,
                        "%s has a slipway.db already: give --data a folder of its own, or move that one away",
                        to);
    default:
        return cli_fail(COMMAND_FAILED, "%s cannot be %s into %s: %s", from, words->done, to, strerror(-rc));
    }
}

static int run(const struct words *words, const char *dir, const char *data)
{
    const char *from = words->from_data ? data : dir, *to = words->from_data ? dir : data;
    struct transfer transfer = {0};
    int rc = words->run(from, to, &transfer);
    int status = rc == 0 ? print_missing(transfer.missing) : failed(words, rc, from, to);
    if (rc == 0)
        (void)printf("%s is %s into %s: %lld of %lld large objects (%lld of %lld bytes) were copied\n", from,
                     words->done, to, (long long)transfer.copied_blobs, (long long)transfer.blobs,
                     (long long)transfer.copied_bytes, (long long)transfer.bytes);
    json_decref(transfer.missing);
    return status;
}

static int command(const struct words *words, int argc, char **argv)
{
    static const struct option names[] = {
        {"data", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *data = "slipway-data";
    int id;
    optind = 0;
    while ((id = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (id == 'h') {
            (void)fputs(words->usage, stdout);
            return COMMAND_OK;
        }
        if (id != 'd') {
            (void)fprintf(stderr, "See 'slipway %s --help'.\n", words->name);
            return COMMAND_USAGE;
        }
        data = optarg;
    }
    if (optind + 1 != argc)
        return cli_fail(COMMAND_USAGE, "one folder is needed: slipway %s DIR [--data DATA]", words->name);
    return run(words, argv[optind], data);
}

int backup_main(int argc, char **argv)
{
    return command(&backup, argc, argv);
}

int restore_main(int argc, char **argv)
{
    return command(&restore, argc, argv);
}
