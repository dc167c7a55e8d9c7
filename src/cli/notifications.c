/* `slipway notifications`: what became of the messages of the account's topics; a dead one is tried again. */
#include "cli/commands.h"
#include "cli/cli.h"
#include "wire/json.h"

#include <stdio.h>

static const char *topic, *state, *retry;
static int64_t most = 100;

static bool enough(const json_t *list, const void *arg)
{
    const int64_t *wanted = arg;
    return (int64_t)json_array_size(list) >= *wanted;
}

/* Query's answers are text: "2026-11-23T09:15:00Z" as it is. */
static void print_delivery(const json_t *delivery)
{
    const char *error = json_str(delivery, "LastError", ""),
               *queue = json_str(delivery, "DeadLetterQueueArn", "");
    const char *arn = json_str(delivery, "TopicArn", ""), *name = strrchr(arn, ':');
    const char *next = json_str(delivery, "NextAttemptDate", "");
    cli_print("%6s  %s  %-9s %s  %s %s", json_str(delivery, "DeliveryId", ""),
              json_str(delivery, "UpdatedDate", ""), json_str(delivery, "State", ""), name ? name + 1 : arn,
              json_str(delivery, "Protocol", ""), json_str(delivery, "Endpoint", ""));
    const char *attempts = json_str(delivery, "Attempts", "0");
    if (strcmp(attempts, "1") == 0)
        (void)printf("  tried once");
    else
        cli_print("  tried %s times", attempts);
    if (*next)
        cli_print(", next %s", next);
    (void)putchar('\n');
    if (*error)
        cli_print("        %s\n", error);
    if (*queue)
        cli_print("        in %s\n", queue);
}

static int print_deliveries(struct cli *cli)
{
    CLEANUP(json_free) json_t *deliveries = NULL;
    const struct cli_until until = {enough, &most};
    json_t *in = json_pack("{s:s*, s:s*}", "TopicArn", topic, "State", state);
    int status = cli_call_pages(cli, "cannot list notifications", "sns", "ListDeliveries", in, "Deliveries",
                                "NextToken", &until, &deliveries);
    if (status)
        return status;
    while ((int64_t)json_array_size(deliveries) > most)
        (void)json_array_remove(deliveries, json_array_size(deliveries) - 1);
    if (cli->json)
        return cli_print_json(deliveries);
    if (json_array_size(deliveries) == 0)
        cli_print("There are no notifications%s%s.\n", state ? " that are " : "", state ? state : "");
    for (size_t i = json_array_size(deliveries); i > 0; i--)
        print_delivery(json_array_get(deliveries, i - 1));
    return COMMAND_OK;
}

static int retry_one(struct cli *cli)
{
    int status = cli_call(cli, "cannot try it again", "sns", "RetryDelivery",
                          json_pack("{s:s}", "DeliveryId", retry), NULL);
    if (status)
        return status;
    cli_print("Notification %s is tried again.\n", retry);
    return COMMAND_OK;
}

int notifications_main(int argc, char **argv)
{
    static const char *last;
    static const struct cli_option options[] = {
        {"topic", "ARN", "only of this topic", &topic, NULL},
        {"state", "STATE", "only those: pending, leased, delivered or dead", &state, NULL},
        {"last", "N", "the newest N (default 100)", &last, NULL},
        {"retry", "ID", "try a dead one again", &retry, NULL},
    };
    static const struct cli_spec spec = {
        .usage = "notifications [--topic ARN] [--state STATE] [--retry ID]",
        .about = "Shows what became of the messages of the account's SNS topics, oldest first: where each "
                 "went, how\n"
                 "often it was tried, and the last error. A message that could not be delivered is dead; it "
                 "is kept\n"
                 "for 14 days and can be tried again.",
        .options = options,
        .option_count = ARRAY_LEN(options),
    };
    struct cli cli;
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    if (last && !str_to_int(str_of(last), 1, 100000, &most))
        status = cli_fail(COMMAND_USAGE, "--last %s is not a number from 1 to 100000", last);
    if (status < 0)
        status = retry ? retry_one(&cli) : print_deliveries(&cli);
    cli_end(&cli);
    return status;
}
