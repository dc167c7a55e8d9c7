/* What the commands share: a command line described by tables, a client, calls whose failures are printed
 * with what to do next.
 *
 * What returns an int gives 0, or a command_exit after having printed why. */
#pragma once

#include "base/base.h"
#include "cli/command.h"
#include "cli/terminal.h"
#include "http/aws.h"
#include "wire/json.h"

#define CLI_ARGS_MAX 4
#define CLI_WAIT_MS 20000
#define CLI_PIPELINE_HINT                                                                                    \
    "name APP BRANCH, as `slipway status` lists them, or a PIPELINE of the profile's account (--profile)"

struct cli_option {
    const char *name;  /* "branch": given as --branch VALUE or --branch=VALUE */
    const char *value; /* "NAME" for the help; NULL: a flag */
    const char *help;
    const char **text; /* where a value goes; NULL for a flag */
    bool *flag;
};

struct cli_spec {
    const char *usage; /* "approve APP BRANCH" */
    const char *about; /* paragraphs of its help */
    const struct cli_option *options;
    size_t option_count;
    size_t min_args;
    size_t max_args;
};

struct cli {
    const char *args[CLI_ARGS_MAX];
    size_t arg_count;
    const char *profile;
    bool json;
    struct aws_client *client;
    const char *tolerated; /* an error code that gives COMMAND_NOT_FOUND without words; NULL: none */
};

/* Reads the command line and makes the client. -1: go on; else the exit status (help was printed, or what is
 * wrong). The options --profile, --endpoint-url, --region, --json, --help are every command's. */
int cli_begin(int argc, char **argv, const struct cli_spec *spec, struct cli *ret) MUST_USE;
void cli_end(struct cli *cli); /* CLEANUP-able */

/* "slipway: …" on standard error; returns `status`. */
int cli_fail(int status, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same for what a fault (<0) leaves: out of memory and the like. */
int cli_fault(int fault);
/* One API call. Takes `in`, also on failure. `doing` begins the message: "cannot start …". */
int cli_call(struct cli *cli, const char *doing, const char *service, const char *operation, json_t *in,
             json_t **ret_out) MUST_USE;
/* The same, answered when there is news or after CLI_WAIT_MS. */
int cli_call_wait(struct cli *cli, const char *doing, const char *service, const char *operation, json_t *in,
                  json_t **ret_out) MUST_USE;
/* Says after each page whether what was sought is in the list by now. */
struct cli_until {
    bool (*enough)(const json_t *list, const void *arg);
    const void *arg;
};
/* Calls until no token is left, or there is enough (`until` NULL: never), and joins the lists `member`.
 * `token` names the token in request and answer. */
int cli_call_pages(struct cli *cli, const char *doing, const char *service, const char *operation, json_t *in,
                   const char *member, const char *token, const struct cli_until *until,
                   json_t **ret_list) MUST_USE;
/* Prints a failed call (http/aws.h's outcome) and gives its exit status. */
int cli_call_failed(const char *doing, int outcome, const struct aws_error *error);
/* One S3 request, with its exchange's buffers initialised. */
int cli_s3(struct cli *cli, const char *doing, const struct aws_s3_request *request,
           struct http_exchange *exchange) MUST_USE;
/* Puts a file or, with fd -1, `bytes`, with that header (NULL: none); ret_version (at least 128 bytes; may be
 * NULL) gets the version id. */
int cli_put_object(struct cli *cli, const char *bucket, const char *key, int fd, struct str bytes,
                   const struct http_header *header, char *ret_version) MUST_USE;
/* A whole file. */
int cli_read_file(const char *path, size_t max_bytes, struct buf *ret) MUST_USE;

/* Local time of epoch seconds (as JSON answers carry them) or of now: "14:03:22"; `date` adds the day. */
#define CLI_TIME_SIZE 32
void cli_time(double epoch_s, bool date, char ret[CLI_TIME_SIZE]);
/* Prints the value, indented, for --json; on a terminal in ASCII, which says the same and moves no cursor. */
int cli_print_json(const json_t *value);
