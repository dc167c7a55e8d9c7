/* `slipway bucket verify`: whether all stored objects still are what was put. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "wire/xml.h"
#include "workers/call.h"
#include <stdio.h>

#define ANSWER_MAX (16 << 20)
#define DOING "cannot verify objects"

/* One part of the work. `marker` empty: the first. */
static int verify_some(struct cli *cli, const char *marker, json_t **ret)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    char query[64];
    struct http_exchange exchange = {
        .answer = BUF_INIT(ANSWER_MAX), .raw_headers = BUF_INIT(64 * 1024), .sink_fd = -1, .body_fd = -1};
    const struct aws_s3_request request = {
        .method = "POST", .bucket = "", .query = query, .body = STR(""), .body_fd = -1, .sink_fd = -1};
    (void)snprintf(query, sizeof(query), "verify%s%s", *marker ? "&marker=" : "", marker);
    int status = cli_s3(cli, DOING, &request, &exchange);
    int rc = status ? 0 : xml_parse(buf_str(&exchange.answer), &doc, NULL);
    if (!status && rc == 0)
        rc = xml_to_json(xmlDocGetRootElement(doc), ret);
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    if (rc > 0)
        return cli_fail(COMMAND_FAILED, DOING ": the endpoint does not answer as Slipway does");
    return rc ? cli_fault(rc) : status;
}

static int64_t number_of(const json_t *answer, const char *member)
{
    int64_t number = 0;
    return str_to_int(str_of(json_str(answer, member, "")), 0, INT64_MAX, &number) ? number : 0;
}

/* A list of one comes as an object. */
static int collect(const json_t *answer, json_t *damaged)
{
    json_t *found = json_object_get(answer, "Damaged");
    if (json_is_array(found))
        return json_array_extend(damaged, found) ? -ENOMEM : 0;
    return json_is_object(found) && json_array_append(damaged, found) ? -ENOMEM : 0;
}

static void print_damaged(const json_t *damaged)
{
    const json_t *object;
    size_t i;
    json_array_foreach (damaged, i, object)
        (void)printf("damaged: s3://%s/%s version %s: %s\n", json_str(object, "Bucket", ""),
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
        if (!damaged || collect(answer, damaged))
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
    (void)printf("%lld bytes in %lld blobs were read: %s\n", (long long)bytes, (long long)blobs,
                 sound ? "all are what was put"
                       : "put the damaged objects again, or restore them from a backup");
    return sound ? COMMAND_OK : COMMAND_FAILED;
}

int bucket_main(int argc, char **argv)
{
    static const struct cli_spec spec = {
        "bucket verify",
        "Reads every stored object of all accounts from the disk again and compares it with its SHA-256.\n"
        "Equal objects share a blob, which is read once. Exit status 1: some are damaged; they are named, "
        "and\n"
        "refused to readers until they are put again. For shared-services (--profile shared-services).",
        NULL,
        0,
        1,
        1};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    if (strcmp(cli.args[0], "verify") != 0)
        return cli_fail(COMMAND_USAGE, "'%s' is not verify", cli.args[0]);
    return verify(&cli);
}
