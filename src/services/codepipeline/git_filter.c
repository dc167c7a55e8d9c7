/* Triggers' filters. Source: CodePipeline user guide, "Trigger filtering in the pipeline JSON": one of the
 * filters must pass, and in it each of its criteria; excludes go before includes. */
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/git_event.h"
#include "wire/glob.h"
#include "wire/json.h"
#include <strings.h>

#define FILES_MAX 3000 /* of an event, that are looked at for each filter */

static bool any_matches(const json_t *patterns, const char *text)
{
    const json_t *pattern;
    struct glob glob;
    size_t i;

    json_array_foreach (patterns, i, pattern)
        if (glob_parse(str_of(json_string_value(pattern)), &glob, NULL) == 0 &&
            glob_match(&glob, str_of(text)))
            return true;
    return false;
}

static bool name_passes(const json_t *criteria, const char *name)
{
    const json_t *includes = json_object_get(criteria, "includes");

    return (!includes || any_matches(includes, name)) &&
           !any_matches(json_object_get(criteria, "excludes"), name);
}

static bool list_passes(const json_t *criteria, const json_t *paths, size_t *looked)
{
    const json_t *path;
    size_t i;

    json_array_foreach (paths, i, path)
        if (++*looked > FILES_MAX || (json_is_string(path) && name_passes(criteria, json_string_value(path))))
            return true;
    return false;
}

/* One file that passes is enough. Where the event does not tell all of them, or more than are looked at, one
 * might have. */
static bool files_pass(const json_t *criteria, const struct git_event *event)
{
    static const char *const lists[] = {"added", "modified", "removed"};
    const json_t *commit;
    size_t i, looked = 0;

    if (!criteria || !event->files_known)
        return true;
    json_array_foreach (event->commits, i, commit)
        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
            if (list_passes(criteria, json_object_get(commit, lists[k]), &looked))
                return true;
    return false;
}

static bool push_passes(const json_t *filter, const struct git_event *event)
{
    const char *member = event->kind == GIT_PUSH_TAG ? "tags" : "branches";
    const json_t *criteria = json_object_get(filter, member);

    return criteria && name_passes(criteria, event->ref) &&
           files_pass(json_object_get(filter, "filePaths"), event);
}

static bool event_listed(const json_t *events, const char *event)
{
    const json_t *listed;
    size_t i;

    json_array_foreach (events, i, listed)
        if (strcmp(json_string_value(listed), event) == 0)
            return true;
    return !events;
}

static bool pull_request_passes(const json_t *filter, const struct git_event *event)
{
    return event_listed(json_object_get(filter, "events"), event->pull_request) &&
           name_passes(json_object_get(filter, "branches"), event->ref) &&
           files_pass(json_object_get(filter, "filePaths"), event);
}

static bool filters_pass(const json_t *git, const struct git_event *event)
{
    bool pull_request = event->kind == GIT_PULL_REQUEST;
    const json_t *filter;
    size_t i;

    json_array_foreach (json_object_get(git, pull_request ? "pullRequest" : "push"), i, filter)
        if (pull_request ? pull_request_passes(filter, event) : push_passes(filter, event))
            return true;
    return false;
}

/* Without filters each push to the action's own branch is wanted. */
static bool branch_passes(const json_t *configuration, const struct git_event *event)
{
    return event->kind == GIT_PUSH_BRANCH &&
           strcmp(json_str(configuration, "BranchName", ""), event->ref) == 0;
}

bool git_event_wanted(const json_t *declaration, const json_t *action, const struct git_event *event,
                      struct reason *why)
{
    const json_t *configuration = json_object_get(action, "configuration");
    const json_t *trigger = source_trigger(declaration, json_str(action, "name", ""));
    const json_t *git = json_object_get(trigger, "gitConfiguration");
    const char *words = NULL;

    if (!event->repository ||
        strcasecmp(event->repository, json_str(configuration, "FullRepositoryId", "")) != 0)
        words = "The event is of another repository than the source action's FullRepositoryId.";
    else if (json_object_get(git, "push") || json_object_get(git, "pullRequest"))
        words = filters_pass(git, event) ? NULL
                                         : "The event does not pass the filters of the pipeline's trigger.";
    else if (!source_wants_events(declaration, action))
        words = "The source action does not detect changes, and the pipeline has no trigger for it.";
    else if (!branch_passes(configuration, event))
        words = "The event is no push to the source action's BranchName.";
    if (words)
        (void)reason_set(why, 0, "%s", words);
    return !words;
}
