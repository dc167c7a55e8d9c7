/* ListPipelineHistory: who did what to a pipeline, when and why, also after its end.
 *
 * Rows are ordered by `ordinal`, which counts up within an account's pipeline of that name; rows of versions
 * before 0.2 have none, and are older than all others. */
#include "services/codepipeline/api.h"
#include "services/page_token.h"
#include <stdio.h>

#define PAGE_MAX 100

struct place {
    int64_t ordinal;
    int64_t at_ms;
    char id[ID_UUID_SIZE];
};

/* "ORDINAL.AT.ID" of the last row shown. */
static int place_start(struct call *c, struct place *ret)
{
    const char *place;
    int r = codepipeline_page_read(c, "nextToken", &place);
    struct str rest = str_of(place);
    bool fine;

    *ret = (struct place){INT64_MAX, INT64_MAX, "~"};
    if (r || !place)
        return r;
    fine = str_to_int(str_split(&rest, '.'), 0, INT64_MAX, &ret->ordinal) &&
           str_to_int(str_split(&rest, '.'), 0, INT64_MAX, &ret->at_ms) && rest.len == sizeof(ret->id) - 1;
    if (!fine)
        return codepipeline_page_bad(c, "nextToken");
    (void)snprintf(ret->id, sizeof(ret->id), STR_FMT, STR_ARG(rest));
    return 0;
}

/* rows: ordinal, at_ms, id, execution_id, stage, action, what, who, why */
static int event_put(json_t *list, struct rows *rows)
{
    static const char *const members[] = {
        "pipelineExecutionId", "stageName", "actionName", "what", "who", "why"};
    json_t *event = json_pack("{s:I}", "at", (json_int_t)rows_int(rows, 1));
    int r = event && json_array_append_new(list, event) == 0 ? 0 : FAULT(ENOMEM);

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(members); i++)
        if (!rows_null(rows, 3 + (int)i))
            r = json_put_str(event, members[i], rows_text(rows, 3 + (int)i));
    return r;
}

static int place_end(struct call *c, const struct place *place)
{
    const char *text =
        arena_printf(c->arena, "%lld.%lld.%s", (long long)place->ordinal, (long long)place->at_ms, place->id);

    return text ? page_token_write(c, "nextToken", text) : FAULT(ENOMEM);
}

static int events_put(struct call *c, struct rows *rows, int64_t max)
{
    json_t *list = json_array();
    struct place place = {0};
    int r = json_put(c->out, "events", list);

    while (r == 0 && (r = rows_next(rows)) == 0) {
        if ((int64_t)json_array_size(list) == max)
            return place_end(c, &place);
        place.ordinal = rows_int(rows, 0);
        place.at_ms = rows_int(rows, 1);
        str_copy(place.id, sizeof(place.id), rows_text(rows, 2));
        r = event_put(list, rows);
    }
    return r == DB_NONE ? 0 : r;
}

int codepipeline_list_pipeline_history(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int64_t max = json_int(c->in, "maxResults", PAGE_MAX);
    struct place before;
    int r = place_start(c, &before);

    if (r == 0)
        r = tx_query(c->tx, &rows,
                     "SELECT ordinal, at_ms, id, execution_id, stage, action, what, who, why"
                     " FROM codepipeline_history WHERE account = $1 AND pipeline = $2 AND ordinal <= $3"
                     " AND (ordinal < $3 OR at_ms < $4 OR (at_ms = $4 AND id < $5))"
                     " AND ($6 = '' OR execution_id = $6)"
                     " ORDER BY ordinal DESC, at_ms DESC, id DESC LIMIT $7",
                     "ssiissi", c->caller->account, json_str(c->in, "pipelineName", ""), before.ordinal,
                     before.at_ms, before.id, json_str(c->in, "pipelineExecutionId", ""), max + 1);
    return r ? r : events_put(c, rows, max);
}
