/* A build's source: fetched, or of the cache, and unpacked into its room. */
#include "base/io.h"
#include "wire/json.h"
#include "workers/anchor/build.h"
#include "workers/zip.h"
#include <unistd.h>

#define SMALL_BYTES 262144
#define DIGEST_VARIABLE "SLIPWAY_SOURCE_SHA256"

struct place {
    const char *bucket;
    const char *key;
    const char *version_id; /* NULL: none is pinned */
};

struct fetching {
    struct build *build;
    struct place place;
    int outcome;
};

static struct place place_of(const struct build *build)
{
    const json_t *s3 = json_object_get(build->tree, "s3Source");

    return (struct place){json_str(s3, "bucket", ""), json_str(s3, "key", ""),
                          json_str(s3, "versionId", NULL)};
}

/* One that takes long: the service is told before. */
static int fetch_large(struct fetching *f, int fd, struct reason *why)
{
    int r = build_phase_tell(f->build);

    if (r)
        return r;
    if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) != 0)
        return FAULT(errno);
    return work_s3_get_file(f->build->client, f->place.bucket, f->place.key, f->place.version_id, fd,
                            ARTIFACT_MAX_BYTES, why);
}

static int first_ask(struct build *build, const struct place *place)
{
    return work_s3_first_ahead(build->client, place->bucket, place->key, place->version_id, SMALL_BYTES,
                               &build->source);
}

/* What is small comes by the first request. */
static int fetch(void *ctx, int fd, struct reason *why)
{
    struct fetching *f = ctx;
    struct build *build = f->build;
    bool whole = true;

    f->outcome = build->source ? 0 : first_ask(build, &f->place);
    if (f->outcome == 0)
        f->outcome = work_first_answer(build->source, fd, &whole, why);
    work_read_free(&build->source);
    if (f->outcome == 0 && !whole)
        f->outcome = fetch_large(f, fd, why);
    return f->outcome;
}

/* The digest that the pipeline's action pinned, or NULL. */
static const char *pinned_digest(const struct build *build)
{
    const json_t *variables = json_path(build->tree, "environment.environmentVariables");
    const json_t *variable;
    size_t i;

    json_array_foreach (variables, i, variable)
        if (strcmp(json_str(variable, "name", ""), DIGEST_VARIABLE) == 0)
            return json_str(variable, "value", NULL);
    return NULL;
}

int build_source_ask(struct build *build)
{
    const char *digest = pinned_digest(build);
    const struct place place = place_of(build);

    if (!place.bucket[0] || build->source || (digest && cache_has(build->anchor->cache, digest)))
        return 0;
    return first_ask(build, &place);
}

static int source_open(struct build *build, int *ret_fd)
{
    struct fetching fetching = {.build = build, .place = place_of(build)};
    const struct cache_source source = {fetch, &fetching};
    const char *digest = pinned_digest(build);
    int r;

    if (!digest) {
        r = work_temporary(build->anchor, ret_fd);
        return r ? r : fetch(&fetching, *ret_fd, &build->why);
    }
    r = cache_get(build->anchor->cache, digest, &source, ret_fd, &build->why);
    if (r == CACHE_E_FETCH)
        return fetching.outcome;
    return r == CACHE_E_DIGEST ? WORK_E_FAILED : r;
}

int build_source_get(struct build *build)
{
    CLEANUP(close_fd) int fd = -1;
    struct reason cause = {0};
    int r;

    if (!json_object_get(build->tree, "s3Source"))
        return 0;
    r = source_open(build, &fd);
    if (r)
        return r;
    r = zip_extract(fd, build->room->plot.source, &zip_limits_default, &cause);
    if (r > 0)
        return reason_set(&build->why, WORK_E_FAILED, "the source was refused: %s", cause.text);
    return r;
}
