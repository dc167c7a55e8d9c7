/* `slipway template put|list`: release templates, checked before they are put. */
#include "cli/cli.h"
#include "cli/commands.h"
#include "wire/xml.h"
#include "workers/catalog.h"

#include <stdio.h>

#define TEMPLATE_MAX_BYTES ((size_t)1024 * 1024)
#define BODY_MAX_BYTES 51200 /* what ValidateTemplate takes by value */
#define PREFIX "templates/"
#define SUFFIX ".yaml"

static bool name_ok(const char *name)
{
    return *name && strlen(name) <= 128 &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")] == '\0';
}

static int put(struct cli *cli, const char *name, const char *path)
{
    if (!name_ok(name))
        return cli_fail(COMMAND_USAGE, "a template's name is made of letters, digits, '-', '_' and '.': '%s'",
                        name);
    CLEANUP(buf_free) struct buf text = BUF_INIT(TEMPLATE_MAX_BYTES);
    int status = cli_read_file(path, TEMPLATE_MAX_BYTES, &text);
    if (status)
        return status;
    if (text.len == 0)
        return cli_fail(COMMAND_FAILED, "%s is empty", path);
    if (text.len <= BODY_MAX_BYTES) {
        status = cli_call(cli, path, "cloudformation", "ValidateTemplate",
                          json_pack("{s:s%}", "TemplateBody", text.ptr, text.len), NULL);
        if (status)
            return status;
    }
    if (!memmem(text.ptr, text.len, "AWS::CodePipeline::Pipeline", strlen("AWS::CodePipeline::Pipeline")))
        return cli_fail(COMMAND_FAILED,
                        "%s: a release template has a resource of type AWS::CodePipeline::Pipeline", path);
    char key[256];
    (void)snprintf(key, sizeof(key), CATALOG_TEMPLATE_KEY, name);
    char version[128] = "";
    status = cli_put_object(cli, CATALOG_BUCKET, key, -1, buf_str(&text), NULL, version);
    if (status)
        return status;
    cli_print("put release template %s, version %s; releases take it up with their next artifact\n", name,
              version);
    return COMMAND_OK;
}

static int list_page(struct cli *cli, const char *after, json_t **ret)
{
    CLEANUP(buf_free) struct buf query = BUF_INIT(4096);
    buf_puts(&query, "list-type=2&prefix=" PREFIX);
    if (*after) {
        buf_puts(&query, "&start-after=");
        buf_puts(&query, after);
    }
    struct aws_error error = {0};
    struct http_exchange exchange = {.answer = BUF_INIT(4 * TEMPLATE_MAX_BYTES),
                                     .raw_headers = BUF_INIT(64 * 1024),
                                     .sink_fd = -1,
                                     .body_fd = -1};
    const struct aws_s3_request request = {
        .method = "GET", .bucket = CATALOG_BUCKET, .query = query.ptr, .body_fd = -1, .sink_fd = -1};
    int err = aws_s3(cli->client, &request, &exchange, &error);
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    if (!err)
        err = xml_parse(buf_str(&exchange.answer), &doc, NULL);
    if (!err)
        err = xml_to_json(xmlDocGetRootElement(doc), ret);
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    return err ? cli_call_failed("cannot list release templates", err, &error) : 0;
}

/* One object alone comes as itself, several as a list. */
static const json_t *object_at(const json_t *contents, size_t index)
{
    return json_is_array(contents) ? json_array_get(contents, index) : index == 0 ? contents : NULL;
}

static int list(struct cli *cli)
{
    char after[1100] = "";
    CLEANUP(json_free) json_t *all = json_array();
    for (;;) {
        CLEANUP(json_free) json_t *page = NULL;
        int status = list_page(cli, after, &page);
        if (status)
            return status;
        const json_t *object;
        for (size_t i = 0; (object = object_at(json_object_get(page, "Contents"), i)); i++) {
            struct str key = str_of(json_str(object, "Key", ""));
            (void)snprintf(after, sizeof(after), STR_FMT, STR_ARG(key));
            if (!str_ends(key, STR(SUFFIX)))
                continue;
            json_t *row =
                json_pack("{s:s#, s:s, s:s}", "name", key.ptr + strlen(PREFIX),
                          (int)(key.len - strlen(PREFIX) - strlen(SUFFIX)), "modified",
                          json_str(object, "LastModified", ""), "bytes", json_str(object, "Size", ""));
            if (json_array_append_new(all, row))
                return cli_fault(-ENOMEM);
        }
        if (strcmp(json_str(page, "IsTruncated", "false"), "true") != 0)
            break;
    }
    if (cli->json)
        return cli_print_json(all);
    size_t index;
    json_t *row;
    json_array_foreach (all, index, row)
        cli_print("%-24s %8s bytes  %s\n", json_str(row, "name", ""), json_str(row, "bytes", ""),
                  json_str(row, "modified", ""));
    return COMMAND_OK;
}

int template_main(int argc, char **argv)
{
    static const struct cli_spec spec = {
        "template put|list [NAME FILE]",
        "  template put NAME FILE   check the file and make it release template NAME\n"
        "  template list            the release templates there are",
        NULL,
        0,
        1,
        3};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    bool putting = strcmp(cli.args[0], "put") == 0;
    if (!putting && strcmp(cli.args[0], "list") != 0)
        return cli_fail(COMMAND_USAGE, "'%s' is none of put, list", cli.args[0]);
    if (cli.arg_count != (putting ? 3U : 1U))
        return cli_fail(COMMAND_USAGE, "usage: slipway template %s", putting ? "put NAME FILE" : "list");
    return putting ? put(&cli, cli.args[1], cli.args[2]) : list(&cli);
}
