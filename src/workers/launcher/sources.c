/* See sources.h. One conditional GET per use tells whether the kept one is still current. */
#include "workers/launcher/sources.h"
#include "base/mem.h"
#include "wire/json.h"
#include "wire/yaml.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define TEMPLATE_MAX_BYTES (1 << 20)
#define KEPT_MAX 256
#define KEY_SIZE 128

struct source {
    atomic_int refs;
    char *key;
    char etag[128];
    struct catalog *catalog;  /* of a catalog */
    struct template template; /* of a template */
    struct source *next;
};

struct sources {
    struct aws_client *client;
    pthread_mutex_t lock;
    struct source *kept; /* most recently read first */
    size_t count;
};

const struct catalog *source_catalog(const struct source *source)
{
    return source->catalog;
}

const struct template *source_template(const struct source *source)
{
    return &source->template;
}

void source_unref(struct source **source)
{
    struct source *s = take(*source);

    if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
        return;
    catalog_free(&s->catalog);
    json_decref(s->template.parameters);
    free(s->template.text);
    free(s->key);
    free(s);
}

int sources_new(struct aws_client *client, struct sources **ret)
{
    struct sources *sources = mem_alloc(sizeof(*sources));

    if (!sources)
        return FAULT(ENOMEM);
    sources->client = client;
    pthread_mutex_init(&sources->lock, NULL);
    *ret = sources;
    return 0;
}

void sources_free(struct sources **sources)
{
    if (!*sources)
        return;
    while ((*sources)->kept) {
        struct source *source = (*sources)->kept;

        (*sources)->kept = source->next;
        source_unref(&source);
    }
    pthread_mutex_destroy(&(*sources)->lock);
    free(*sources);
    *sources = NULL;
}

/* The kept one with a reference, or NULL. */
static struct source *kept_find(struct sources *sources, const char *key)
{
    struct source *found = NULL;

    pthread_mutex_lock(&sources->lock);
    for (struct source *s = sources->kept; s && !found; s = s->next)
        if (strcmp(s->key, key) == 0)
            found = s;
    if (found)
        atomic_fetch_add(&found->refs, 1);
    pthread_mutex_unlock(&sources->lock);
    return found;
}

/* Puts it in the place of an older one; past the maximum the longest unread goes. */
static void kept_put(struct sources *sources, struct source *source)
{
    struct source *out = NULL;
    size_t place = 0;

    pthread_mutex_lock(&sources->lock);
    for (struct source **at = &sources->kept; *at && !out; at = &(*at)->next) {
        bool same = (*at)->key && strcmp((*at)->key, source->key) == 0;

        if (!same && ++place < KEPT_MAX)
            continue;
        out = *at;
        *at = out->next;
        break;
    }
    atomic_fetch_add(&source->refs, 1);
    source->next = sources->kept;
    sources->kept = source;
    pthread_mutex_unlock(&sources->lock);
    source_unref(&out);
}

static int catalog_read(struct source *source, struct buf *text, struct reason *why)
{
    struct reason cause = {0};
    int r = catalog_parse(buf_str(text), &source->catalog, &cause);

    if (r <= 0)
        return r;
    return reason_set(why, WORK_E_FAILED, "the catalog cannot be read: %s", cause.text);
}

static int template_read(struct source *source, struct buf *text, struct reason *why)
{
    CLEANUP(json_free) json_t *tree = NULL;
    struct reason cause = {0};
    json_t *parameters;
    int r = yaml_parse(buf_str(text), &tree, NULL, &cause);

    if (r < 0)
        return r;
    if (r > 0)
        return reason_set(why, WORK_E_FAILED, "the template cannot be read: %s", cause.text);
    parameters = json_object_get(tree, "Parameters");
    if (!json_is_object(tree) || (parameters && !json_is_object(parameters)))
        return reason_set(why, WORK_E_FAILED, "the template is not a mapping, or its Parameters are not");
    source->template.parameters = parameters ? json_incref(parameters) : json_object();
    source->template.len = text->len;
    source->template.text = buf_take(text);
    return source->template.parameters && source->template.text ? 0 : FAULT(ENOMEM);
}

/* A kind of source: how its text is read, and how long that may be. */
struct source_kind {
    int (*read)(struct source *source, struct buf *text, struct reason *why);
    size_t max_bytes;
};

static const struct source_kind a_catalog = {catalog_read, CATALOG_MAX_BYTES};
static const struct source_kind a_template = {template_read, TEMPLATE_MAX_BYTES};

struct source_ask {
    struct sources *sources;
    const struct source_kind *kind;
    char key[KEY_SIZE];
    struct source *kept; /* NULL: none was */
    struct work_read *read;
};

void source_ask_free(struct source_ask **ask)
{
    if (!*ask)
        return;
    work_read_free(&(*ask)->read);
    source_unref(&(*ask)->kept);
    free(take(*ask));
}

static int source_ask(struct sources *sources, const struct source_kind *kind, const char *key,
                      struct source_ask **ret)
{
    CLEANUP(source_ask_free) struct source_ask *ask = mem_alloc(sizeof(*ask));
    int r;

    if (!ask)
        return FAULT(ENOMEM);
    ask->sources = sources;
    ask->kind = kind;
    str_copy(ask->key, sizeof(ask->key), key);
    ask->kept = kept_find(sources, key);
    r = work_s3_get_ahead(sources->client, CATALOG_BUCKET, ask->key, ask->kept ? ask->kept->etag : NULL,
                          kind->max_bytes, &ask->read);
    if (r == 0)
        *ret = take(ask);
    return r;
}

int sources_catalog(struct sources *sources, struct source_ask **ret)
{
    return source_ask(sources, &a_catalog, CATALOG_KEY, ret);
}

int sources_template(struct sources *sources, const char *name, struct source_ask **ret)
{
    char key[KEY_SIZE];

    snprintf(key, sizeof(key), CATALOG_TEMPLATE_KEY, name);
    return source_ask(sources, &a_template, key, ret);
}

const struct source *source_ask_kept(const struct source_ask *ask)
{
    return ask->kept;
}

static int source_new(const struct source_ask *ask, const struct s3_head *head, struct buf *text,
                      struct source **ret, struct reason *why)
{
    CLEANUP(source_unref) struct source *fresh = mem_alloc(sizeof(*fresh));
    int r;

    if (!fresh)
        return FAULT(ENOMEM);
    atomic_init(&fresh->refs, 1);
    fresh->key = str_dup(str_of(ask->key));
    memcpy(fresh->etag, head->etag, sizeof(fresh->etag));
    memcpy(fresh->template.version_id, head->version_id, sizeof(head->version_id));
    r = fresh->key ? ask->kind->read(fresh, text, why) : FAULT(ENOMEM);
    if (r == 0)
        *ret = take(fresh);
    return r;
}

int source_answer(struct source_ask **asked, struct source **ret, struct reason *why)
{
    CLEANUP(source_ask_free) struct source_ask *ask = take(*asked);
    CLEANUP(buf_free) struct buf text = BUF_INIT(ask->kind->max_bytes);
    struct s3_head head = {0};
    int r = work_read_answer(ask->read, &text, &head, why);

    if (r == WORK_E_UNCHANGED ||
        (r == 0 && ask->kept && head.etag[0] && strcmp(ask->kept->etag, head.etag) == 0)) {
        *ret = take(ask->kept);
        return 0;
    }
    if (r == 0)
        r = source_new(ask, &head, &text, ret, why);
    if (r == 0)
        kept_put(ask->sources, *ret);
    return r;
}
