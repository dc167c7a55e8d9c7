/* Stopping the line: PutFreeze, DeleteFreeze, ListFreezes. */
#include "services/codepipeline/api.h"
#include "services/codepipeline/freeze_reach.h"
#include "services/codepipeline/store_freeze.h"

#define PAGE_MAX 100

int codepipeline_put_freeze(struct call *c)
{
    json_t *freeze = NULL;
    int r = freeze_put(c->tx, c->caller, c->in, &freeze, &c->reason);

    return r ? r : json_put(c->out, "freeze", freeze);
}

int codepipeline_delete_freeze(struct call *c)
{
    return freeze_end(c->tx, c->caller, json_str(c->in, "name", ""), json_str(c->in, "reason", NULL),
                      &c->reason);
}

int codepipeline_list_freezes(struct call *c)
{
    struct freeze_query query = {.name = json_str(c->in, "name", ""),
                                 .ended = json_bool(c->in, "includeEnded", false),
                                 .max = json_int(c->in, "maxResults", PAGE_MAX)};
    json_t *list = NULL;
    int64_t next = 0;
    int r = codepipeline_page_start(c, INT64_MAX, &query.before);

    if (r == 0)
        r = freeze_list(c->tx, c->caller->account, &query, &list, &next);
    if (r == 0)
        r = json_put(c->out, "freezes", list);
    if (r == 0 && json_bool(c->in, "includeHeld", false))
        r = freeze_reach(c->tx, c->caller->account, list);
    return r || !next ? r : codepipeline_page_end(c, next);
}
