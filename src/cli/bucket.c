/* `slipway bucket verify|health|usage|quota`: whether all stored objects still are what was put; what
 * accounts keep, and how much they may. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "wire/xml.h"
#include "workers/call.h"
#include <stdio.h>

#define ANSWER_MAX (16 << 20)

static const char *objects_max, *bytes_max;

/* A request to the endpoint's root, answered by XML, or by nothing when ret is NULL. */
static int ask(struct cli *cli, const char *doing, const char *method, const char *query, struct str body,
               json_t **ret)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    struct http_exchange exchange = {
        .answer = BUF_INIT(ANSWER_MAX), .raw_headers = BUF_INIT(64 * 1024), .sink_fd = -1, .body_fd = -1};
    const struct aws_s3_request request = {
        .method = method, .bucket = "", .query = query, .body = body, .body_fd = -1, .sink_fd = -1};
    int status = cli_s3(cli, doing, &request, &exchange);
    int rc = status || !ret ? 0 : xml_parse(buf_str(&exchange.answer), &doc, NULL);
    if (!status && ret && rc == 0)
        rc = xml_to_json(xmlDocGetRootElement(doc), ret);
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    if (rc > 0)
        return cli_fail(COMMAND_FAILED, "%s: the endpoint does not answer as Slipway does", doing);
    return rc ? cli_fault(rc) : status;
}

/* ---- verify */

/* One part of the work. `marker` empty: the first. */
static int verify_some(struct cli *cli, const char *marker, json_t **ret)
{
    char query[64];
    (void)snprintf(query, sizeof(query), "verify%s%s", *marker ? "&marker=" : "", marker);
    return ask(cli, "cannot verify objects", "POST", query, STR(""), ret);
}

static int64_t number_of(const json_t *answer, const char *member)
{
    int64_t number = 0;
    return str_to_int(str_of(json_str(answer, member, "")), 0, INT64_MAX, &number) ? number : 0;
}

/* A list of one comes as an object. */
static int collect(const json_t *answer, const char *member, json_t *list)
{
    json_t *found = json_object_get(answer, member);
    if (json_is_array(found))
        return json_array_extend(list, found) ? -ENOMEM : 0;
    return json_is_object(found) && json_array_append(list, found) ? -ENOMEM : 0;
}

static void print_damaged(const json_t *damaged)
{
    const json_t *object;
    size_t i;
    json_array_foreach (damaged, i, object)
        cli_print("damaged: s3://%s/%s version %s: %s\n", json_str(object, "Bucket", ""),
                  json_str(object, "Key", ""), json_str(object, "VersionId", ""),
                  json_str(object, "Reason", ""));
}

static int verify(struct cli *cli)
{
    CLEANUP(json_free) json_t *damaged = json_array();
    char marker[32] = "";
    int64_t blobs = 0, bytes = 0;
    do {
        CLEANUP(json_free) json_t *answer = NULL;
        int status = verify_some(cli, marker, &answer);
        if (status)
            return status;
        blobs += number_of(answer, "Blobs");
        bytes += number_of(answer, "Bytes");
        (void)snprintf(marker, sizeof(marker), "%s", json_str(answer, "NextMarker", ""));
        if (!damaged || collect(answer, "Damaged", damaged))
            return cli_fault(-ENOMEM);
    } while (*marker);
    bool sound = json_array_size(damaged) == 0;
    if (cli->json) {
        CLEANUP(json_free)
        json_t *all = json_pack("{s:I, s:I, s:O}", "blobs", (json_int_t)blobs, "bytes", (json_int_t)bytes,
                                "damaged", damaged);
        int status = cli_print_json(all);
        return status || sound ? status : COMMAND_FAILED;
    }
    print_damaged(damaged);
    cli_print("%lld bytes in %lld blobs were read: %s\n", (long long)bytes, (long long)blobs,
              sound ? "all are what was put"
                    : "put the damaged objects again, or restore them from a backup");
    return sound ? COMMAND_OK : COMMAND_FAILED;
}

/* ---- health */

static int health(struct cli *cli)
{
    CLEANUP(json_free) json_t *answer = NULL;
    int status = ask(cli, "cannot look after the store", "GET", "health", STR(""), &answer);
    if (status)
        return status;
    int64_t damaged = number_of(answer, "DamagedBlobs"), bytes = number_of(answer, "DamagedBytes");
    const char *began = json_str(answer, "PassBegan", NULL);
    bool over = strcmp(json_str(answer, "PassOver", "false"), "true") == 0;
    if (cli->json) {
        CLEANUP(json_free)
        json_t *all = json_pack("{s:I, s:I, s:s?, s:b}", "damagedBlobs", (json_int_t)damaged, "damagedBytes",
                                (json_int_t)bytes, "passBegan", began, "passOver", (int)over);
        status = cli_print_json(all);
        return status || damaged == 0 ? status : COMMAND_FAILED;
    }
    (void)printf("damaged: %lld blobs, %lld bytes\n", (long long)damaged, (long long)bytes);
    if (began)
        cli_print("read again since %s: %s\n", began, over ? "all" : "under way");
    else
        (void)printf("read again: never yet\n");
    return damaged == 0 ? COMMAND_OK : COMMAND_FAILED;
}

/* ---- usage and quota */

static void print_usage(const json_t *accounts)
{
    const json_t *account;
    size_t i;
    cli_print("%-12s  %12s  %12s  %16s  %16s\n", "account", "objects", "of", "bytes", "of");
    json_array_foreach (accounts, i, account)
        cli_print("%-12s  %12s  %12s  %16s  %16s\n", json_str(account, "AccountId", ""),
                  json_str(account, "Objects", ""), json_str(account, "MaxObjects", "-"),
                  json_str(account, "Bytes", ""), json_str(account, "MaxBytes", "-"));
}

static int usage(struct cli *cli)
{
    CLEANUP(json_free) json_t *answer = NULL;
    CLEANUP(json_free) json_t *accounts = json_array();
    int status = ask(cli, "cannot list what accounts keep", "GET", "usage", STR(""), &answer);
    if (status)
        return status;
    if (!accounts || collect(answer, "Account", accounts))
        return cli_fault(-ENOMEM);
    if (cli->json)
        return cli_print_json(accounts);
    print_usage(accounts);
    return COMMAND_OK;
}

/* A number with K, M, G or T behind it, of 1,024. */
static bool read_size(const char *text, int64_t *ret)
{
    static const char units[] = "KMGT";
    struct str digits = str_of(text);
    const char *unit = digits.len > 0 ? strchr(units, digits.ptr[digits.len - 1]) : NULL;
    unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
    digits.len -= unit ? 1 : 0;
    if (!str_to_int(digits, 0, INT64_MAX >> shift, ret))
        return false;
    *ret <<= shift;
    return true;
}

static int put_limit(struct buf *body, const char *option, const char *member, const char *text)
{
    int64_t limit = 0;
    if (!text || strcmp(text, "none") == 0)
        return 0;
    if (!read_size(text, &limit))
        return cli_fail(COMMAND_USAGE, "--%s wants a number, as 500 or 20G, or none, not '%s'", option, text);
    xml_elem_int(body, member, limit);
    return 0;
}

static int quota_set(struct cli *cli, const char *account)
{
    CLEANUP(buf_free) struct buf body = BUF_INIT(1024);
    char query[64];
    (void)snprintf(query, sizeof(query), "account=%s&quota", account);
    xml_open(&body, "Quota");
    int status = put_limit(&body, "objects", "MaxObjects", objects_max);
    if (!status)
        status = put_limit(&body, "bytes", "MaxBytes", bytes_max);
    xml_close(&body, "Quota");
    if (status || buf_error(&body))
        return status ? status : cli_fault(buf_error(&body));
    return ask(cli, "cannot set the quota", "PUT", query, buf_str(&body), NULL);
}

static const char *limit_of(const json_t *account, const char *member)
{
    return json_str(account, member, "not limited");
}

static int quota_show(struct cli *cli, const char *account)
{
    CLEANUP(json_free) json_t *answer = NULL;
    CLEANUP(json_free) json_t *accounts = json_array();
    const json_t *one;
    size_t i;
    int status = ask(cli, "cannot look at the quota", "GET", "usage", STR(""), &answer);
    if (status)
        return status;
    if (!accounts || collect(answer, "Account", accounts))
        return cli_fault(-ENOMEM);
    json_array_foreach (accounts, i, one) {
        if (strcmp(json_str(one, "AccountId", ""), account) != 0)
            continue;
        if (cli->json)
            return cli_print_json(one);
        cli_print("account %s: objects %s (of %s), bytes %s (of %s)\n", account,
                  json_str(one, "Objects", "0"), limit_of(one, "MaxObjects"), json_str(one, "Bytes", "0"),
                  limit_of(one, "MaxBytes"));
        return COMMAND_OK;
    }
    return cli_fail(
        COMMAND_NOT_FOUND,
        "account %s keeps nothing and has no quota\n  shared-services is told of all accounts, others of "
        "themselves (--profile)",
        account);
}

/* What it is afterwards, or is. */
static int quota(struct cli *cli)
{
    int status = 0;
    if (cli->arg_count != 2 || strlen(cli->args[1]) != 12)
        return cli_fail(COMMAND_USAGE, "slipway bucket quota wants the id of an account: 12 digits");
    if (objects_max || bytes_max)
        status = quota_set(cli, cli->args[1]);
    return status ? status : quota_show(cli, cli->args[1]);
}

int bucket_main(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"objects", "N", "how many objects and versions the account may keep, or none (quota)", &objects_max,
         NULL},
        {"bytes", "SIZE", "how many bytes it may keep: 500000, 20G, none (quota)", &bytes_max, NULL},
    };
    static const struct cli_spec spec = {
        "bucket verify|health|usage|quota [ACCOUNT]",
        "  bucket verify          read every stored object of all accounts from the disk again and compare "
        "it with its\n"
        "                         SHA-256. Equal objects share a blob, which is read once. Exit status 1: "
        "some are\n"
        "                         damaged; they are named, and refused to readers until they are put again.\n"
        "  bucket health          how much is known to be damaged, without reading it again, and when the "
        "scrubber last\n"
        "                         began. Exit status 1: something is. Buckets' queues and topics may ask for "
        "the event\n"
        "                         s3:ReducedRedundancyLostObject besides.\n"
        "  bucket usage           what each account keeps: objects, versions, parts of uploads under way, in "
        "whosever\n"
        "                         bucket it put them. For other profiles than shared-services: one's own.\n"
        "  bucket quota ACCOUNT [--objects N] [--bytes SIZE]\n"
        "                         how much that account may keep: shows it, or sets both; what is left out, "
        "or "
        "none, is\n"
        "                         not limited. More is refused (QuotaExceeded), nothing is removed.\n\n"
        "verify, health and quota are for shared-services (--profile shared-services).",
        options,
        ARRAY_LEN(options),
        1,
        2};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    if (strcmp(cli.args[0], "quota") == 0)
        return quota(&cli);
    static const struct {
        const char *name;
        int (*run)(struct cli *cli);
    } actions[] = {{"verify", verify}, {"health", health}, {"usage", usage}};
    for (size_t i = 0; cli.arg_count == 1 && i < ARRAY_LEN(actions); i++)
        if (strcmp(cli.args[0], actions[i].name) == 0)
            return actions[i].run(&cli);
    return cli_fail(COMMAND_USAGE, "'%s' is not verify, health, usage or quota ACCOUNT", cli.args[0]);
}
