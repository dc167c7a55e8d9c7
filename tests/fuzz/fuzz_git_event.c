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
    const struct git_event_headers headers[] = {{.github = kind}, {.gitlab = kind}};

    if (json_parse(rest, &document, NULL) || json_parse(STR(declaration), &pipeline, NULL))
        return;
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        struct reason why = {0};
        struct git_event event;
        bool is;
        int r = git_event_read(&headers[i], document, &event, &is, &why);

        assert(r == 0 && (is || why.text[0] != '\0'));
        if (!is)
            continue;
        assert(event.ref && event.branch && event.commit);
        assert(git_event_wanted(pipeline, json_path(pipeline, "stages.0.actions.0"), &event, &why) ||
               why.text[0] != '\0');
    }
}
