/* `slipway freeze`, `thaw` and `freezes`: stopping the line, and letting it go on. */
#include "base/clock.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "wire/time.h"

#include <stdio.h>

#define SERVICE "codepipeline"

static const char *reason, *applications, *environments, *pipelines, *allow, *until, *during;
static const char *every, *from, *lasting, *zone;

/* A list of what commas separate. */
static int list_put(json_t *in, const char *member, const char *text)
{
    struct str rest = str_of(text);
    json_t *list = text ? json_array() : NULL;
    while (rest.ptr) {
        struct str item = str_trim(str_split(&rest, ','));
        if (json_array_append_new(list, json_stringn(item.ptr, item.len)))
            return cli_fault(FAULT(ENOMEM));
    }
    return list && json_put(in, member, list) ? cli_fault(FAULT(ENOMEM)) : 0;
}

static int end_put(json_t *in)
{
    int64_t ms;
    if (!until && !during)
        return 0;
    if (until && during)
        return cli_fail(COMMAND_USAGE, "--until and --for say the same twice: give one");
    if (until && !time_parse_iso8601(str_of(until), &ms))
        return cli_fail(COMMAND_USAGE,
                        "--until wants a time as 2026-12-24T08:00:00Z or with +01:00, not '%s'", until);
    if (during && !time_parse_duration(str_of(during), &ms))
        return cli_fail(COMMAND_USAGE, "--for wants a duration as 30m, 12h or 3d, not '%s'", during);
    if (during)
        ms += clock_now_ms();
    return json_put(in, "endsAt", json_real((double)ms / 1000)) ? cli_fault(FAULT(ENOMEM)) : 0;
}

static int recurrence_put(json_t *in)
{
    int64_t ms;
    json_t *recurrence;
    if (!every && !from && !lasting && !zone)
        return 0;
    if (!every || !from || !lasting)
        return cli_fail(COMMAND_USAGE, "a freeze that comes again wants --every, --from and --lasting");
    if (!time_parse_duration(str_of(lasting), &ms))
        return cli_fail(COMMAND_USAGE, "--lasting wants a duration as 30m, 12h or 3d, not '%s'", lasting);
    recurrence = json_pack("{s:s, s:s, s:I, s:s*}", "rule", every, "start", from, "durationMinutes",
                           (json_int_t)(ms / 60000), "timeZone", zone);
    return json_put(in, "recurrence", recurrence) ? cli_fault(FAULT(ENOMEM)) : 0;
}

static int request_make(const char *name, json_t *in)
{
    static const struct {
        const char *member;
        const char **text;
    } lists[] = {{"applications", &applications},
                 {"environments", &environments},
                 {"pipelines", &pipelines},
                 {"allow", &allow}};
    int status =
        json_put_str(in, "name", name) || json_put_str(in, "reason", reason) ? cli_fault(FAULT(ENOMEM)) : 0;
    for (size_t i = 0; !status && i < ARRAY_LEN(lists); i++)
        status = list_put(in, lists[i].member, *lists[i].text);
    if (!status)
        status = end_put(in);
    return status ? status : recurrence_put(in);
}

/* ---- showing */

static void print_list(const json_t *freeze, const char *member, const char *title)
{
    size_t index;
    const json_t *item;
    json_array_foreach (json_object_get(freeze, member), index, item)
        cli_print("%s%s", index ? ", " : title, json_string_value(item));
    if (json_array_size(json_object_get(freeze, member)))
        (void)printf("\n");
}

static void print_time(const json_t *freeze, const char *member, const char *title)
{
    char time[CLI_TIME_SIZE];
    if (!json_object_get(freeze, member))
        return;
    cli_time(json_number_value(json_object_get(freeze, member)), true, time);
    cli_print("%s%s\n", title, time);
}

/* ---- what it is about now */

#define NAMED_MAX 5

static void print_more(int64_t count, size_t shown)
{
    if (count > (int64_t)shown)
        (void)printf(" and %lld more", (long long)(count - (int64_t)shown));
    (void)printf("\n");
}

static void print_stages(const json_t *held)
{
    const json_t *stages = json_object_get(held, "stages"), *stage;
    int64_t count = json_int(held, "stageCount", 0);
    size_t index, shown = json_array_size(stages) < NAMED_MAX ? json_array_size(stages) : NAMED_MAX;
    cli_print("  names         %s", count ? "" : "no stage of any pipeline there is");
    for (index = 0; index < shown; index++) {
        stage = json_array_get(stages, index);
        cli_print("%s%s of %s", index ? ", " : "", json_str(stage, "stageName", ""),
                  json_str(stage, "pipelineName", ""));
    }
    print_more(count, shown);
}

static void print_executions(const json_t *held)
{
    const json_t *executions = json_object_get(held, "executions"), *execution;
    int64_t count = json_int(held, "executionCount", 0);
    size_t index, shown = json_array_size(executions) < NAMED_MAX ? json_array_size(executions) : NAMED_MAX;
    if (!count)
        return;
    (void)printf("  holds         ");
    for (index = 0; index < shown; index++) {
        execution = json_array_get(executions, index);
        cli_print("%s%s at %s of %s", index ? ", " : "", json_str(execution, "pipelineExecutionId", ""),
                  json_str(execution, "stageName", ""), json_str(execution, "pipelineName", ""));
    }
    print_more(count, shown);
}

static void print_unmatched(const json_t *held)
{
    const json_t *one, *name;
    size_t index, i;
    json_array_foreach (json_object_get(held, "unmatched"), index, one) {
        const json_t *near = json_object_get(one, "near");
        cli_print("  no such name  %s among the %s", json_str(one, "pattern", ""), json_str(one, "list", ""));
        json_array_foreach (near, i, name)
            cli_print("%s%s", i ? ", " : "; near it: ", json_string_value(name));
        (void)printf("\n");
    }
}

static void print_held(const json_t *held)
{
    if (!held)
        return;
    print_stages(held);
    print_executions(held);
    print_unmatched(held);
}

static void print_freeze(const json_t *freeze)
{
    const json_t *again = json_object_get(freeze, "recurrence");
    cli_print("%s  %s: %s\n", json_str(freeze, "name", ""), json_str(freeze, "state", ""),
              json_str(freeze, "reason", ""));
    print_list(freeze, "applications", "  applications  ");
    print_list(freeze, "environments", "  environments  ");
    print_list(freeze, "pipelines", "  pipelines     ");
    print_list(freeze, "allow", "  lets through  ");
    if (again)
        cli_print("  again         %s from %s, %lld minutes, %s\n", json_str(again, "rule", ""),
                  json_str(again, "start", ""), (long long)json_int(again, "durationMinutes", 0),
                  json_str(again, "timeZone", "UTC"));
    print_time(freeze, "holdsFrom", "  holds from    ");
    print_time(freeze, "holdsUntil", "  holds until   ");
    print_time(freeze, "endsAt", "  ends          ");
    cli_print("  by            %s\n", json_str(freeze, "createdBy", ""));
    if (json_object_get(freeze, "endedBy"))
        cli_print("  ended by      %s%s%s\n", json_str(freeze, "endedBy", ""),
                  json_object_get(freeze, "endedWhy") ? ": " : "", json_str(freeze, "endedWhy", ""));
    print_held(json_object_get(freeze, "held"));
}

/* It is put all the same: what it names may come. */
static void warn(const json_t *freeze)
{
    const json_t *held = json_object_get(freeze, "held");
    if (held && json_int(held, "stageCount", 0) == 0)
        (void)cli_fail(0, "warning: freeze %s names no stage of any pipeline there is: it holds nothing now",
                       json_str(freeze, "name", ""));
    else if (json_array_size(json_object_get(held, "unmatched")))
        (void)cli_fail(0, "warning: some names of freeze %s are of nothing there is",
                       json_str(freeze, "name", ""));
}

/* With what it holds. */
static int find(struct cli *cli, const char *name, json_t **ret_list)
{
    return cli_call_pages(cli, "cannot look at the freeze", SERVICE, "ListFreezes",
                          json_pack("{s:s, s:b}", "name", name, "includeHeld", 1), "freezes", "nextToken",
                          NULL, ret_list);
}

/* ---- the commands */

int freeze_main(int argc, char **argv)
{
    static const struct cli_option options[] = {
        {"reason", "TEXT", "shown to everybody who waits; required", &reason, NULL},
        {"applications", "LIST", "patterns of ACCOUNT/APP/BRANCH; all without it", &applications, NULL},
        {"environments", "LIST", "patterns of stages or accounts; all without it", &environments, NULL},
        {"pipelines", "LIST", "patterns of pipelines; all without it", &pipelines, NULL},
        {"allow", "LIST", "what is let through: pipelines, executions, versions, SHA-256", &allow, NULL},
        {"until", "TIME", "when it ends: 2026-12-24T08:00:00Z", &until, NULL},
        {"for", "DURATION", "or after how long: 30m, 12h, 3d", &during, NULL},
        {"every", "RULE", "it comes again: FREQ=WEEKLY;BYDAY=FR", &every, NULL},
        {"from", "LOCAL", "its first beginning: 2026-11-27T16:00:00", &from, NULL},
        {"lasting", "DURATION", "how long it holds each time", &lasting, NULL},
        {"zone", "ZONE", "whose local time that is: Europe/Berlin; UTC without it", &zone, NULL},
    };
    static const struct cli_spec spec = {"freeze NAME",
                                         "Stops the line: no execution enters the stages it names, and none "
                                         "that is there begins another action.\n"
                                         "What runs goes on; a rollback goes through. A freeze of the same "
                                         "name is replaced. Lists are separated\n"
                                         "by commas; patterns have * and ?.",
                                         options,
                                         ARRAY_LEN(options),
                                         1,
                                         1};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *out = NULL;
    CLEANUP(json_free) json_t *list = NULL;
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    if (!reason)
        return cli_fail(COMMAND_USAGE, "a freeze wants a --reason: everybody who waits will read it");
    json_t *in = json_object();
    status = request_make(cli.args[0], in);
    if (status) {
        json_decref(in);
        return status;
    }
    status = cli_call(&cli, "cannot freeze", SERVICE, "PutFreeze", in, &out);
    if (status)
        return status;
    /* It is in force, also where its caller may not look. */
    status = find(&cli, cli.args[0], &list);
    const json_t *freeze = json_array_get(list, 0) ? json_array_get(list, 0) : json_object_get(out, "freeze");
    if (cli.json)
        return cli_print_json(freeze) ? COMMAND_FAILED : status;
    print_freeze(freeze);
    warn(freeze);
    return status;
}

int thaw_main(int argc, char **argv)
{
    static const char *why;
    static const struct cli_option options[] = {
        {"reason", "TEXT", "recorded with the freeze", &why, NULL},
    };
    static const struct cli_spec spec = {
        "thaw NAME", "Ends a freeze: what waited for it goes on.", options, ARRAY_LEN(options), 1, 1};
    CLEANUP(cli_end) struct cli cli = {0};
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    status = cli_call(&cli, "cannot end the freeze", SERVICE, "DeleteFreeze",
                      json_pack("{s:s, s:s*}", "name", cli.args[0], "reason", why), NULL);
    if (status)
        return status;
    cli_print("freeze %s has ended\n", cli.args[0]);
    return COMMAND_OK;
}

int freezes_main(int argc, char **argv)
{
    static bool all;
    static const struct cli_option options[] = {
        {"all", NULL, "also those that have ended", NULL, &all},
    };
    static const struct cli_spec spec = {
        "freezes", "The freezes in force and to come, the newest first: what each names and holds now.",
        options,   ARRAY_LEN(options),
        0,         0};
    CLEANUP(cli_end) struct cli cli = {0};
    CLEANUP(json_free) json_t *list = NULL;
    size_t index;
    json_t *freeze;
    int status = cli_begin(argc, argv, &spec, &cli);
    if (status >= 0)
        return status;
    status = cli_call_pages(&cli, "cannot list freezes", SERVICE, "ListFreezes",
                            json_pack("{s:b, s:b}", "includeEnded", all, "includeHeld", 1), "freezes",
                            "nextToken", NULL, &list);
    if (status)
        return status;
    if (cli.json)
        return cli_print_json(list);
    json_array_foreach (list, index, freeze)
        print_freeze(freeze);
    if (json_array_size(list) == 0)
        (void)printf("no freezes\n");
    return COMMAND_OK;
}
