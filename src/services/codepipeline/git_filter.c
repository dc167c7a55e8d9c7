/* Triggers' filters. Source: CodePipeline user guide, "Trigger filtering in the pipeline JSON": one of the
 * filters must pass, and in it each of its criteria; excludes go before includes. */
#include "services/codepipeline/engine/source.h"
#include "services/codepipeline/git_event.h"
#include "wire/glob_list.h"
#include "wire/json.h"
#include <strings.h>

#define FILES_MAX 3000 /* of an event, that are looked at for each filter */

static bool name_passes(const json_t *criteria, const char *name)
{
    return glob_list_passes(criteria, str_of(name));
}

/* UNTOLD: git would have to say which files there are. */
enum verdict { STOPPED, UNTOLD, PASSED };

static bool list_passes(const json_t *criteria, const json_t *paths, size_t *looked)
{
    const json_t *path;
    size_t i;

    json_array_foreach (paths, i, path)
        if (++*looked <= FILES_MAX && json_is_string(path) && name_passes(criteria, json_string_value(path)))
            return true;
    return false;
}

/* Of the files that the event tells, or so many of them as are looked at. */
static enum verdict told_files_pass(const json_t *criteria, const struct git_event *event)
{
    static const char *const lists[] = {"added", "modified", "removed"};
    const json_t *commit;
    size_t i, looked = 0;

    json_array_foreach (event->commits, i, commit)
        for (size_t k = 0; k < ARRAY_LEN(lists); k++)
            if (list_passes(criteria, json_object_get(commit, lists[k]), &looked))
                return PASSED;
    return event->files_known && looked <= FILES_MAX ? STOPPED : UNTOLD;
}

/* One file that passes is enough. Where nobody can tell all of them, one might. */
static enum verdict files_pass(const json_t *criteria, const struct git_event *event)
{
    enum verdict verdict = criteria ? told_files_pass(criteria, event) : PASSED;

    return verdict == UNTOLD && event->against == GIT_BASE_UNKNOWN ? PASSED : verdict;
}

static enum verdict push_passes(const json_t *filter, const struct git_event *event)
{
    const char *member = event->kind == GIT_PUSH_TAG ? "tags" : "branches";
    const json_t *criteria = json_object_get(filter, member);

    return criteria && name_passes(criteria, event->ref)
               ? files_pass(json_object_get(filter, "filePaths"), event)
               : STOPPED;
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

static enum verdict pull_request_passes(const json_t *filter, const struct git_event *event)
{
    return event_listed(json_object_get(filter, "events"), event->pull_request) &&
                   name_passes(json_object_get(filter, "branches"), event->ref)
               ? files_pass(json_object_get(filter, "filePaths"), event)
               : STOPPED;
}

/* UNTOLD: `files` got the filePaths of the filters that are. */
static enum verdict filters_pass(const json_t *git, const struct git_event *event, json_t *files)
{
    bool pull_request = event->kind == GIT_PULL_REQUEST;
    const json_t *filter;
    size_t i;

    json_array_foreach (json_object_get(git, pull_request ? "pullRequest" : "push"), i, filter) {
        enum verdict verdict = pull_request ? pull_request_passes(filter, event) : push_passes(filter, event);

        if (verdict == PASSED ||
            (verdict == UNTOLD && json_array_append(files, json_object_get(filter, "filePaths"))))
            return PASSED;
    }
    return json_array_size(files) > 0 ? UNTOLD : STOPPED;
}

/* Without filters each push to the action's own branch is wanted. */
static bool branch_passes(const json_t *configuration, const struct git_event *event)
{
    return event->kind == GIT_PUSH_BRANCH &&
           strcmp(json_str(configuration, "BranchName", ""), event->ref) == 0;
}

bool git_event_wanted(const json_t *declaration, const json_t *action, const struct git_event *event,
                      json_t **ret_files, struct reason *why)
{
    CLEANUP(json_free) json_t *files = json_array();
    enum verdict verdict;
    const json_t *configuration = json_object_get(action, "configuration");
    const json_t *trigger = source_trigger(declaration, json_str(action, "name", ""));
    const json_t *git = json_object_get(trigger, "gitConfiguration");
    const char *words = NULL;

    *ret_files = NULL;
    if (!event->repository ||
        strcasecmp(event->repository, json_str(configuration, "FullRepositoryId", "")) != 0)
        words = "The event is of another repository than the source action's FullRepositoryId.";
    else if (json_object_get(git, "push") || json_object_get(git, "pullRequest")) {
        verdict = filters_pass(git, event, files);
        words = verdict == STOPPED ? "The event does not pass the filters of the pipeline's trigger." : NULL;
        *ret_files = verdict == UNTOLD ? take(files) : NULL;
    } else if (!source_wants_events(declaration, action))
        words = "The source action does not detect changes, and the pipeline has no trigger for it.";
    else if (!branch_passes(configuration, event))
        words = "The event is no push to the source action's BranchName.";
    if (words)
        (void)reason_set(why, 0, "%s", words);
    return !words;
}
