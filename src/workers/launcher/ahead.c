/* What a release looks at, asked for at once: object, catalog, template and stack. Which template it will be
 * is known by the kept catalog; when that is not current any more, what was asked for by it is dropped, and
 * is looked at again after the catalog. So each is as it was after the event, and a template is never older
 * than the catalog that names it. */
#include "workers/launcher/release.h"
#include "workers/stack.h"

static int ask_template(struct release *release)
{
    const struct source *kept = source_ask_kept(release->ahead.catalog);
    const struct release_key *names = &release->names;
    const struct catalog_rule *rule = kept ? catalog_match(source_catalog(kept), str_of(names->account),
                                                           str_of(names->app), str_of(names->branch))
                                           : NULL;

    return rule ? sources_template(release->releaser->sources, rule->template, &release->ahead.template) : 0;
}

int ahead_ask(struct release *release)
{
    const struct releaser *releaser = release->releaser;
    struct ahead *ahead = &release->ahead;
    int r = stack_ask(releaser->client, release->names.stack, &ahead->stack);

    if (r == 0)
        r = work_s3_head_ahead(releaser->client, release->bucket, release->key, &ahead->object);
    if (r == 0)
        r = sources_catalog(releaser->sources, &ahead->catalog);
    return r ? r : ask_template(release);
}

int ahead_catalog(struct release *release, struct source **ret)
{
    struct ahead *ahead = &release->ahead;
    const struct source *kept = source_ask_kept(ahead->catalog);
    int r = source_answer(&ahead->catalog, ret, &release->why);

    if (r || *ret == kept)
        return r;
    source_ask_free(&ahead->template);
    aws_asked_free(&ahead->stack);
    return 0;
}

int ahead_template(struct release *release, struct source **ret)
{
    struct ahead *ahead = &release->ahead;
    int r = ahead->template
                ? 0
                : sources_template(release->releaser->sources, release->rule->template, &ahead->template);

    return r ? r : source_answer(&ahead->template, ret, &release->why);
}

void ahead_drop(struct ahead *ahead)
{
    work_read_free(&ahead->object);
    source_ask_free(&ahead->catalog);
    source_ask_free(&ahead->template);
    aws_asked_free(&ahead->stack);
}
