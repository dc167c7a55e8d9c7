/* Operations on projects. */
#include "services/codebuild/api.h"
#include "services/codebuild/codebuild.h"
#include "services/codebuild/page.h"

static int put(struct call *c, enum project_put_mode mode)
{
    json_t *project = NULL;
    int r = project_put(c->tx, c->platform, c->caller->account, c->in, mode, &c->reason);
    if (r == 0)
        r = project_get(c->tx, c->platform, c->caller->account, json_str(c->in, "name", ""), &project);
    return r == 0 ? json_put(c->out, "project", project) : r;
}

int codebuild_create_project(struct call *c)
{
    return put(c, PROJECT_CREATE);
}

int codebuild_update_project(struct call *c)
{
    return put(c, PROJECT_UPDATE);
}

/* CodeBuild API, DeleteProject: a project that is not there is no error. */
int codebuild_delete_project(struct call *c)
{
    int r = project_delete(c->tx, c->caller->account, json_str(c->in, "name", ""));
    return r == CODEBUILD_E_NOT_FOUND ? 0 : r;
}

int codebuild_batch_get_projects(struct call *c)
{
    json_t *found = json_array(), *missing = json_array(), *name;
    size_t i;
    int r = json_put(c->out, "projects", found);
    if (json_put(c->out, "projectsNotFound", missing) != 0 || r != 0)
        return FAULT(ENOMEM);
    json_array_foreach (json_object_get(c->in, "names"), i, name) {
        json_t *project = NULL;
        struct str last = str_of(json_string_value(name));
        while (memchr(last.ptr, '/', last.len)) /* an ARN is as good as a name */
            (void)str_split(&last, '/');
        r = project_get(c->tx, c->platform, c->caller->account, last.ptr, &project);
        if (r < 0)
            return r;
        if (r == 0 ? json_array_append_new(found, project) : json_array_append(missing, name))
            return FAULT(ENOMEM);
    }
    return 0;
}

/* LIMIT: a page and one row that tells of the next. */
#define BY_TIME(column, order, than)                                                                         \
    "SELECT name, " column ", name FROM codebuild_project WHERE account = $1 "                               \
    "AND (" column ", name) " than " ($2, $3) ORDER BY " column " " order ", name " order " LIMIT 101"
#define BY_NAME(order, than)                                                                                 \
    "SELECT name, 0, name FROM codebuild_project WHERE account = $1 "                                        \
    "AND ($2 IN (-1, 9223372036854775807) OR name " than " $3) ORDER BY name " order " LIMIT 101"

static const struct {
    const char *by;
    const char *ascending, *descending;
} listings[] = {
    {"NAME", BY_NAME("ASC", ">"), BY_NAME("DESC", "<")},
    {"CREATED_TIME", BY_TIME("created_ms", "ASC", ">"), BY_TIME("created_ms", "DESC", "<")},
    {"LAST_MODIFIED_TIME", BY_TIME("modified_ms", "ASC", ">"), BY_TIME("modified_ms", "DESC", "<")},
};

int codebuild_list_projects(struct call *c)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct page page;
    const char *by = json_str(c->in, "sortBy", "NAME");
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(listings) && !str_eqc(str_of(listings[i].by), by))
        i++;
    int r = codebuild_page_start(c, false, &page);
    if (r == 0)
        r = tx_query(c->tx, &rows, page.descending ? listings[i].descending : listings[i].ascending, "sis",
                     c->caller->account, page.number, page.name);
    return r == 0 ? codebuild_page_fill(c, rows, "projects") : r;
}
