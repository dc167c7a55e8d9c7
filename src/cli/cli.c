/* Command lines, calls and their failures, for all commands. */
#include "cli/cli.h"
#include "base/io.h"
#include "base/utf8.h"
#include "workers/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_PROFILE "shared-services"

/* ---- messages */

int cli_fail(int status, const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    (void)fflush(stdout);
    (void)fputs("slipway: ", stderr);
    terminal_put(stderr, str_of(len < 0 ? "out of memory" : text), "\n\t");
    (void)fputc('\n', stderr);
    if (len >= 0)
        free(text);
    return status;
}

int cli_fault(int fault)
{
    return cli_fail(COMMAND_FAILED, "%s", strerror(-fault));
}

#define CHECK_SIGNING                                                                                        \
    "check the profile's secret access key and region (AWS_REGION, --region), and this machine's clock"

/* What a service's error code means to this program's user. */
static const struct {
    const char *code;
    int status;
    const char *next; /* what to do; NULL: the message says it */
} advice[] = {
    {"InvalidAccessKeyId", COMMAND_REFUSED, "check the profile's access key"},
    {"InvalidClientTokenId", COMMAND_REFUSED, "check the profile's access key"},
    {"UnrecognizedClientException", COMMAND_REFUSED, "check the profile's access key"},
    {"SignatureDoesNotMatch", COMMAND_REFUSED, CHECK_SIGNING},
    {"InvalidSignatureException", COMMAND_REFUSED, CHECK_SIGNING},
    {"AuthorizationHeaderMalformed", COMMAND_REFUSED, CHECK_SIGNING},
    {"ExpiredToken", COMMAND_REFUSED, "get new session credentials"},
    {"ExpiredTokenException", COMMAND_REFUSED, "get new session credentials"},
    {"RequestTimeTooSkewed", COMMAND_REFUSED, "set this machine's clock"},
    {"AccessDenied", COMMAND_REFUSED, "use the profile of an account that may (--profile)"},
    {"AccessDeniedException", COMMAND_REFUSED, "use the profile of an account that may (--profile)"},
    {"PipelineNotFoundException", COMMAND_NOT_FOUND, CLI_PIPELINE_HINT},
    {"PipelineExecutionNotFoundException", COMMAND_NOT_FOUND, NULL},
    {"NoSuchBucket", COMMAND_NOT_FOUND,
     "the launcher makes its buckets when it starts: is `slipway launcher` running?"},
    {"NoSuchKey", COMMAND_NOT_FOUND, NULL},
    {"NotFound", COMMAND_NOT_FOUND, NULL},
    {"ResourceNotFound", COMMAND_NOT_FOUND, NULL},
    {"ResourceNotFoundException", COMMAND_NOT_FOUND, NULL},
};

int cli_call_failed(const char *doing, int outcome, const struct aws_error *error)
{
    if (outcome < 0)
        return cli_fail(COMMAND_FAILED, "%s: %s", doing, strerror(-outcome));
    if (outcome != AWS_E_SERVICE)
        return cli_fail(
            COMMAND_UNREACHABLE,
            "%s: no answer from the services: %s\n  Is `slipway serve` running, and does AWS_ENDPOINT_URL "
            "(or --endpoint-url) name it?",
            doing, error->message);
    for (size_t i = 0; i < ARRAY_LEN(advice); i++)
        if (strcmp(advice[i].code, error->code) == 0)
            return cli_fail(advice[i].status, "%s: %s: %s%s%s", doing, error->code, error->message,
                            advice[i].next ? "\n  " : "", advice[i].next ? advice[i].next : "");
    if (!error->request_id[0])
        return cli_fail(
            COMMAND_UNREACHABLE,
            "%s: %s: %s\n  Neither Slipway nor AWS answers without a request id: does AWS_ENDPOINT_URL "
            "(or --endpoint-url) name the right server?",
            doing, error->code, error->message);
    return cli_fail(COMMAND_FAILED, "%s: %s: %s (request %s)", doing, error->code, error->message,
                    error->request_id);
}

/* ---- command lines */

static const char *endpoint_url;
static const char *region;

static void print_options(const struct cli_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char left[64];
        (void)snprintf(left, sizeof(left), "--%s%s%s", options[i].name, options[i].value ? " " : "",
                       options[i].value ? options[i].value : "");
        (void)printf("  %-24s %s\n", left, options[i].help);
    }
}

static int take_option(const struct cli_option *option, const char *name, const char *inline_value, int argc,
                       char **argv, int *at)
{
    if (!option->text) {
        if (inline_value)
            return cli_fail(COMMAND_USAGE, "--%s takes no value", option->name);
        *option->flag = true;
        return -1;
    }
    if (!inline_value && *at + 1 >= argc)
        return cli_fail(COMMAND_USAGE, "%s needs a value: %s %s", name, name, option->value);
    *option->text = inline_value ? inline_value : argv[++*at];
    return -1;
}

static const struct cli_option *find_option(const struct cli_option *options, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_eqc(name, options[i].name))
            return &options[i];
    return NULL;
}

struct lines {
    const struct cli_spec *spec;
    const struct cli_option *common;
    size_t common_count;
    struct cli *cli;
};

static int read_line(const struct lines *lines, int argc, char **argv)
{
    const struct cli_spec *spec = lines->spec;
    struct cli *cli = lines->cli;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (cli->arg_count == spec->max_args)
                return cli_fail(COMMAND_USAGE, "'%s' is one argument too many; usage: slipway %s", argv[i],
                                spec->usage);
            cli->args[cli->arg_count++] = argv[i];
            continue;
        }
        struct str rest = str_of(argv[i] + 2);
        struct str name = str_split(&rest, '=');
        const struct cli_option *option = find_option(spec->options, spec->option_count, name);
        if (!option)
            option = find_option(lines->common, lines->common_count, name);
        if (!option)
            return cli_fail(COMMAND_USAGE, "unknown option %s; `slipway %.*s --help` lists the options",
                            argv[i], (int)strcspn(spec->usage, " "), spec->usage);
        int status = take_option(option, argv[i], rest.ptr, argc, argv, &i);
        if (status >= 0)
            return status;
    }
    return -1;
}

/* No service takes anything else. */
static int check_text(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        for (struct str rest = str_of(argv[i]); rest.len > 0;) {
            size_t len = utf8_length(rest);
            if (len == 0)
                return cli_fail(COMMAND_USAGE, "argument %d is not UTF-8", i);
            rest = (struct str){rest.ptr + len, rest.len - len};
        }
    return -1;
}

static int make_client(struct cli *cli)
{
    if (endpoint_url && setenv("AWS_ENDPOINT_URL", endpoint_url, 1) != 0)
        return cli_fault(-errno);
    if (region && setenv("AWS_REGION", region, 1) != 0)
        return cli_fault(-errno);
    if (!cli->profile && !getenv("AWS_PROFILE") && !getenv("AWS_ACCESS_KEY_ID"))
        cli->profile = DEFAULT_PROFILE;
    struct reason why = {{0}};
    int err = aws_client_from_env(cli->profile, &cli->client, &why);
    if (err == AWS_E_NO_ENDPOINT)
        return cli_fail(COMMAND_USAGE, "%s", why.text);
    if (err == AWS_E_NO_CREDENTIALS)
        return cli_fail(
            COMMAND_REFUSED,
            "%s\n  `slipway serve` prints the AWS_… variables to set; --profile chooses the account",
            why.text);
    return err ? cli_fault(err < 0 ? err : -EINVAL) : -1;
}

int cli_begin(int argc, char **argv, const struct cli_spec *spec, struct cli *ret)
{
    bool help = false;
    const struct cli_option common[] = {
        {"profile", "NAME", "whose credentials (default: AWS_PROFILE, else " DEFAULT_PROFILE ")",
         &ret->profile, NULL},
        {"endpoint-url", "URL", "where the services are (default: AWS_ENDPOINT_URL, else the profile's)",
         &endpoint_url, NULL},
        {"region", "NAME", "AWS region (default: AWS_REGION, else the profile's)", &region, NULL},
        {"json", NULL, "print JSON where there is something to print", NULL, &ret->json},
        {"help", NULL, "print this", NULL, &help},
    };
    *ret = (struct cli){0};
    const struct lines lines = {spec, common, ARRAY_LEN(common), ret};
    int status = check_text(argc, argv);
    if (status < 0)
        status = read_line(&lines, argc, argv);
    if (status >= 0)
        return status;
    if (help) {
        (void)printf("usage: slipway %s [options]\n\n%s\n\nOptions:\n", spec->usage, spec->about);
        print_options(spec->options, spec->option_count);
        print_options(common, ARRAY_LEN(common));
        return COMMAND_OK;
    }
    if (ret->arg_count < spec->min_args)
        return cli_fail(COMMAND_USAGE, "usage: slipway %s\n  `slipway %.*s --help` explains", spec->usage,
                        (int)strcspn(spec->usage, " "), spec->usage);
    return make_client(ret);
}

void cli_end(struct cli *cli)
{
    aws_client_free(&cli->client);
}

/* ---- calls */

int cli_call(struct cli *cli, const char *doing, const char *service, const char *operation, json_t *in,
             json_t **ret_out)
{
    struct aws_error error = {0};
    int err = aws_call(cli->client, service, operation, in, ret_out, &error);
    if (err == AWS_E_SERVICE && cli->tolerated && strcmp(cli->tolerated, error.code) == 0)
        return COMMAND_NOT_FOUND;
    return err ? cli_call_failed(doing, err, &error) : 0;
}

int cli_call_wait(struct cli *cli, const char *doing, const char *service, const char *operation, json_t *in,
                  json_t **ret_out)
{
    struct aws_error error = {0};
    struct reason why = {{0}};
    int err = work_call_wait(cli->client, service, operation, in, CLI_WAIT_MS, ret_out, &error, &why);
    if (!err)
        return 0;
    if (err < 0)
        return cli_fault(err);
    return cli_call_failed(doing, error.status ? AWS_E_SERVICE : AWS_E_UNREACHABLE, &error);
}

int cli_call_pages(struct cli *cli, const char *doing, const char *service, const char *operation, json_t *in,
                   const char *member, const char *token, const struct cli_until *until, json_t **ret_list)
{
    CLEANUP(json_free) json_t *request = in ? in : json_object();
    CLEANUP(json_free) json_t *list = json_array();
    if (!request || !list)
        return cli_fault(-ENOMEM);
    for (;;) {
        CLEANUP(json_free) json_t *out = NULL;
        int status = cli_call(cli, doing, service, operation, json_deep_copy(request), &out);
        if (status)
            return status;
        json_t *page = json_object_get(out, member);
        if (json_is_array(page) && json_array_extend(list, page))
            return cli_fault(-ENOMEM);
        const char *next = json_str(out, token, "");
        if (!*next || (until && until->enough(list, until->arg)))
            break;
        if (json_put_str(request, token, next))
            return cli_fault(-ENOMEM);
    }
    *ret_list = take(list);
    return 0;
}

int cli_s3(struct cli *cli, const char *doing, const struct aws_s3_request *request,
           struct http_exchange *exchange)
{
    struct aws_error error = {0};
    int err = aws_s3(cli->client, request, exchange, &error);
    return err ? cli_call_failed(doing, err, &error) : 0;
}

int cli_put_object(struct cli *cli, const char *bucket, const char *key, int fd, struct str bytes,
                   const struct http_header *header, char *ret_version)
{
    char doing[512];
    (void)snprintf(doing, sizeof(doing), "cannot write s3://%s/%s", bucket, key);
    struct stat st = {0};
    if (fd >= 0 && fstat(fd, &st) != 0)
        return cli_fault(-errno);
    struct http_exchange exchange = {
        .answer = BUF_INIT(64 * 1024), .raw_headers = BUF_INIT(64 * 1024), .sink_fd = -1, .body_fd = -1};
    const struct aws_s3_request request = {.method = "PUT",
                                           .bucket = bucket,
                                           .key = key,
                                           .body = bytes,
                                           .body_fd = fd,
                                           .body_len = st.st_size,
                                           .headers = header,
                                           .header_count = header ? 1 : 0,
                                           .sink_fd = -1};
    int status = cli_s3(cli, doing, &request, &exchange);
    if (!status && ret_version) {
        struct str version = http_exchange_header(&exchange, "x-amz-version-id");
        (void)snprintf(ret_version, 128, STR_FMT, STR_ARG(version));
    }
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    return status;
}

int cli_read_file(const char *path, size_t max_bytes, struct buf *ret)
{
    *ret = BUF_INIT(max_bytes);
    int err = io_read_file(path, ret);
    if (!err)
        return 0;
    buf_free(ret);
    if (err == -EMSGSIZE)
        return cli_fail(COMMAND_FAILED, "%s is larger than %zu bytes", path, max_bytes);
    return cli_fail(err == -ENOENT ? COMMAND_NOT_FOUND : COMMAND_FAILED, "cannot read %s: %s", path,
                    strerror(-err));
}

/* ---- output */

void cli_time(double epoch_s, bool date, char ret[CLI_TIME_SIZE])
{
    time_t seconds = epoch_s > 0 ? (time_t)epoch_s : time(NULL);
    struct tm tm;
    ret[0] = '\0';
    if (localtime_r(&seconds, &tm))
        (void)strftime(ret, CLI_TIME_SIZE, date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm);
}

int cli_print_json(const json_t *value)
{
    size_t ascii = isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0;
    if (json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | ascii) != 0 || putchar('\n') == EOF)
        return cli_fail(COMMAND_FAILED, "cannot write the answer");
    return COMMAND_OK;
}
