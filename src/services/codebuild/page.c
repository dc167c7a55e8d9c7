/* Paging by the place of the last row shown: what is added or removed meanwhile shifts nothing. */
#include "services/codebuild/page.h"
#include "base/hash.h"
#include "services/codebuild/codebuild.h"

static int read_token(struct call *c, struct str token, struct page *ret)
{
    char *text = arena_alloc(c->arena, token.len / 2 + 1);
    if (!text)
        return FAULT(ENOMEM);
    struct str rest = {text, token.len / 2};
    if (!hex_decode(token, text) || !str_to_int(str_split(&rest, ':'), 0, INT64_MAX, &ret->number) ||
        !rest.ptr)
        return call_fail(c, CODEBUILD_E_INVALID,
                         "Invalid next token: use the nextToken of an earlier answer.");
    ret->name = rest.ptr;
    return 0;
}

int codebuild_page_start(struct call *c, bool descending, struct page *ret)
{
    struct str token = str_of(json_str(c->in, "nextToken", ""));
    const char *order = json_str(c->in, "sortOrder", descending ? "DESCENDING" : "ASCENDING");
    ret->descending = str_eqc(STR("DESCENDING"), order);
    ret->number = ret->descending ? INT64_MAX : -1;
    ret->name = "";
    return token.len > 0 ? read_token(c, token, ret) : 0;
}

static int write_token(struct call *c, int64_t number, const char *name)
{
    const char *text = arena_printf(c->arena, "%lld:%s", (long long)number, name);
    char *token = text ? arena_alloc(c->arena, 2 * strlen(text) + 1) : NULL;
    if (!token)
        return FAULT(ENOMEM);
    hex_encode(text, strlen(text), token);
    return json_put_str(c->out, "nextToken", token);
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
