/* The artifact cache: fetched once, verified always, kept small. */
#include "base/hash.h"
#include "base/io.h"
#include "workers/anchor/cache.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct origin {
    struct str bytes;
    atomic_int fetches;
    int outcome;
};

static char *folder;

static int set_up(void **state UNUSED)
{
    folder = str_dup(STR("/tmp/slipway-test-cache-XXXXXX"));
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
    int r = io_remove_tree(folder);

    free(folder);
    return r;
}

static int fetch(void *ctx, int fd, struct reason *why)
{
    struct origin *origin = ctx;

    atomic_fetch_add(&origin->fetches, 1);
    if (origin->outcome)
        return reason_set(why, origin->outcome, "not there");
    return io_write_all(fd, origin->bytes.ptr, origin->bytes.len);
}

static int get(struct cache *cache, const char *digest, struct origin *origin, char ret[100])
{
    const struct cache_source source = {fetch, origin};
    CLEANUP(close_fd) int fd = -1;
    struct reason why = {0};
    ssize_t len;
    int r = cache_get(cache, digest, &source, &fd, &why);

    if (r)
        return r;
    len = pread(fd, ret, 99, 0);
    assert_true(len >= 0);
    ret[len] = '\0';
    return 0;
}

static void bytes_are_fetched_once(void **state UNUSED)
{
    struct origin origin = {.bytes = STR("artifact one")};
    struct cache *cache = NULL;
    char digest[HASH_HEX_SIZE], text[100];

    hash_sha256_hex(origin.bytes, digest);
    assert_int_equal(cache_new(folder, 1 << 20, &cache), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(cache, digest, &origin, text), 0);
        assert_string_equal(text, "artifact one");
    }
    assert_int_equal(origin.fetches, 1);
    cache_free(&cache);
    assert_int_equal(cache_new(folder, 1 << 20, &cache), 0);
    assert_int_equal(get(cache, digest, &origin, text), 0);
    assert_int_equal(origin.fetches, 1);
    cache_free(&cache);
}

static void other_bytes_than_asked_for_are_refused(void **state UNUSED)
{
    struct origin origin = {.bytes = STR("tampered")};
    struct cache *cache = NULL;
    char digest[HASH_HEX_SIZE], text[100];

    hash_sha256_hex(STR("genuine"), digest);
    assert_int_equal(cache_new(folder, 1 << 20, &cache), 0);
    assert_int_equal(get(cache, digest, &origin, text), CACHE_E_DIGEST);
    assert_int_equal(get(cache, "not a digest", &origin, text), CACHE_E_DIGEST);
    origin.outcome = 7;
    assert_int_equal(get(cache, digest, &origin, text), CACHE_E_FETCH);
    cache_free(&cache);
}

static void a_spoilt_entry_is_fetched_again(void **state UNUSED)
{
    struct origin origin = {.bytes = STR("will be spoilt")};
    struct cache *cache = NULL;
    char digest[HASH_HEX_SIZE], text[100], path[200];

    hash_sha256_hex(origin.bytes, digest);
    assert_int_equal(cache_new(folder, 1 << 20, &cache), 0);
    assert_int_equal(get(cache, digest, &origin, text), 0);
    snprintf(path, sizeof(path), "%s/%s", folder, digest);
    assert_int_equal(io_write_file_atomic(path, STR("will be SPOILT"), 0600), 0);
    assert_int_equal(get(cache, digest, &origin, text), 0);
    assert_string_equal(text, "will be spoilt");
    assert_int_equal(origin.fetches, 2);
    cache_free(&cache);
}

static void the_least_recently_used_goes_first(void **state UNUSED)
{
    struct origin origins[3] = {
        {.bytes = STR("0000000000")}, {.bytes = STR("1111111111")}, {.bytes = STR("2222222222")}};
    char digests[3][HASH_HEX_SIZE], text[100], path[300], sub[150];
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct cache *cache = NULL;

    snprintf(sub, sizeof(sub), "%s/small", folder);
    assert_int_equal(cache_new(sub, 25, &cache), 0);
    for (int i = 0; i < 3; i++)
        hash_sha256_hex(origins[i].bytes, digests[i]);
    assert_int_equal(get(cache, digests[0], &origins[0], text), 0);
    assert_int_equal(get(cache, digests[1], &origins[1], text), 0);
    snprintf(path, sizeof(path), "%s/%s", sub, digests[1]);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_int_equal(get(cache, digests[2], &origins[2], text), 0);
    assert_int_equal(cache_bytes(cache), 20);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(get(cache, digests[0], &origins[0], text), 0);
    assert_int_equal(origins[0].fetches, 1);
    cache_free(&cache);
}

static void a_use_is_noted(void **state UNUSED)
{
    struct origin origin = {.bytes = STR("used now and then")};
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    char digest[HASH_HEX_SIZE], text[100], path[200];
    struct cache *cache = NULL;
    struct stat st;

    hash_sha256_hex(origin.bytes, digest);
    assert_int_equal(cache_new(folder, 1 << 20, &cache), 0);
    assert_int_equal(get(cache, digest, &origin, text), 0);
    snprintf(path, sizeof(path), "%s/%s", folder, digest);
    assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
    assert_int_equal(get(cache, digest, &origin, text), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_mtim.tv_sec > 1000);
    assert_int_equal(origin.fetches, 1);
    cache_free(&cache);
}

struct caller {
    struct cache *cache;
    const char *digest;
    struct origin *origin;
    int outcome;
};

static void *call(void *arg)
{
    struct caller *caller = arg;
    char text[100];

    caller->outcome = get(caller->cache, caller->digest, caller->origin, text);
    return NULL;
}

static void get_by_many(struct cache *cache, const char *digest, struct origin *origin)
{
    struct caller callers[8];
    pthread_t threads[8];

    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        callers[i] = (struct caller){cache, digest, origin, -1};
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(callers); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(callers[i].outcome, 0);
    }
}

static void many_at_once_fetch_once(void **state UNUSED)
{
    struct origin origin = {.bytes = STR("wanted by many")};
    struct cache *cache = NULL;
    char digest[HASH_HEX_SIZE];

    hash_sha256_hex(origin.bytes, digest);
    assert_int_equal(cache_new(folder, 1 << 20, &cache), 0);
    get_by_many(cache, digest, &origin);
    assert_int_equal(origin.fetches, 1);
    cache_free(&cache);
}

/* One of them fetches it again, and none removes what that one has fetched. */
static void many_at_once_find_it_spoilt(void **state UNUSED)
{
    struct origin origin = {.bytes = STR("spoilt for many")};
    struct cache *cache = NULL;
    char digest[HASH_HEX_SIZE], path[200];

    hash_sha256_hex(origin.bytes, digest);
    assert_int_equal(cache_new(folder, 1 << 20, &cache), 0);
    get_by_many(cache, digest, &origin);
    snprintf(path, sizeof(path), "%s/%s", folder, digest);
    for (int i = 2; i < 50; i++) {
        assert_int_equal(io_write_file_atomic(path, STR("SPOILT for many"), 0600), 0);
        get_by_many(cache, digest, &origin);
        assert_int_equal(origin.fetches, i);
        assert_int_equal(access(path, F_OK), 0);
    }
    cache_free(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_fetched_once),
        cmocka_unit_test(other_bytes_than_asked_for_are_refused),
        cmocka_unit_test(a_spoilt_entry_is_fetched_again),
        cmocka_unit_test(the_least_recently_used_goes_first),
        cmocka_unit_test(a_use_is_noted),
        cmocka_unit_test(many_at_once_fetch_once),
        cmocka_unit_test(many_at_once_find_it_spoilt),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
