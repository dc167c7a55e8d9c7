/* Paging by the place of the last row shown: what is added or removed meanwhile shifts nothing. */
#include "services/codebuild/page.h"
#include "services/codebuild/codebuild.h"
#include "services/page_token.h"

static int read_token(struct call *c, struct page *ret)
{
    const char *place = NULL;
    int r = page_token_read(c, "nextToken", &place);
    struct str rest = str_of(place ? place : "");
    if (r < 0 || (r == 0 && !place))
        return r;
    if (!str_to_int(str_split(&rest, ':'), 0, INT64_MAX, &ret->number) || !rest.ptr)
        return call_fail(c, CODEBUILD_E_INVALID,
                         "Invalid next token: use the nextToken of an earlier answer.");
    ret->name = rest.ptr;
    return 0;
}

int codebuild_page_start(struct call *c, bool descending, struct page *ret)
{
    const char *order = json_str(c->in, "sortOrder", descending ? "DESCENDING" : "ASCENDING");
    ret->descending = str_eqc(STR("DESCENDING"), order);
    ret->number = ret->descending ? INT64_MAX : -1;
    ret->name = "";
    return read_token(c, ret);
}

static int write_token(struct call *c, int64_t number, const char *name)
{
    const char *text = arena_printf(c->arena, "%lld:%s", (long long)number, name);
    return text ? page_token_write(c, "nextToken", text) : FAULT(ENOMEM);
}

int codebuild_page_fill(struct call *c, struct rows *rows, const char *member)
{
    json_t *list = json_array();
    const char *name = "";
    int64_t number = 0;
    int r = json_put(c->out, member, list);
    while (r == 0 && (r = rows_next(rows)) == 0) {
        if (json_array_size(list) == CODEBUILD_PAGE)
            return write_token(c, number, name);
        number = rows_int(rows, 1);
        name = arena_dup(c->arena, rows_str(rows, 2));
        if (!name || json_array_append_new(list, json_string(rows_text(rows, 0))))
            return FAULT(ENOMEM);
    }
    return r == DB_NONE ? 0 : r;
}
