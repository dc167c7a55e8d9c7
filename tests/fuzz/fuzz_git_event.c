/* Git hosts' events: their kind, a newline, their JSON. Whatever is said to be an event has what the filters
 * read, and they find an answer. */
#include "fuzz.h"
#include "services/codepipeline/git_event.h"
#include "wire/json.h"

static const char declaration[] =
    "{\"stages\":[{\"actions\":[{\"name\":\"Code\",\"configuration\":{\"FullRepositoryId\":\"team/"
    "shop\",\"BranchName\":\"main\"}}]"
    "}],\"triggers\":[{\"gitConfiguration\":{\"sourceActionName\":\"Code\",\"push\":[{\"branches\":{"
    "\"includes\":[\"m*\"]},"
    "\"filePaths\":{\"includes\":[\"src/**\"],\"excludes\":[\"**.md\"]}},{\"tags\":{\"excludes\":[\"v0\"]}}],"
    "\"pullRequest\":[{\"events\":[\"OPEN\"],\"branches\":{\"includes\":[\"main\"]}}]}}]}";

void fuzz_one(struct str input)
{
    struct str rest = input, kind = str_split(&rest, '\n');
    CLEANUP(json_free) json_t *document = NULL;
    CLEANUP(json_free) json_t *pipeline = NULL;

    if (json_parse(rest, &document, NULL) || json_parse(STR(declaration), &pipeline, NULL))
        return;
    for (size_t i = 0; i < GIT_HOSTS; i++) {
        struct git_event_headers headers = {0};
        CLEANUP(json_free) json_t *files = NULL;
        struct reason why = {0};
        struct git_event event;
        bool is;
        int r;

        headers.event[i] = kind;
        if (git_event_count(&headers, document) == 0)
            continue;
        r = git_event_read(&headers, document, git_event_count(&headers, document) - 1, &event, &is, &why);

        assert(r == 0 && (is || why.text[0] != '\0'));
        if (!is)
            continue;
        assert(event.ref && event.branch && event.commit);
        assert(git_event_wanted(pipeline, json_path(pipeline, "stages.0.actions.0"), &event, &files, &why) ||
               why.text[0] != '\0');
    }
}
