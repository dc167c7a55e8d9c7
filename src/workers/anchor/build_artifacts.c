/* See build_artifacts.h. The build's processes are gone when this runs: nothing changes under it. */
#include "workers/anchor/build_artifacts.h"
#include "base/mem.h"
#include "workers/zip.h"
#include <fnmatch.h>
#include <fts.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define FILES_MAX 100000

struct files {
    char **list;
    size_t count;
    size_t room;
};

static void files_free(struct files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->list[i]);
    free(files->list);
}

static int files_add(struct files *files, const char *path)
{
    if (files->count == files->room) {
        size_t room = files->room ? files->room * 2 : 64;
        char **more = mem_realloc(files->list, room * sizeof(*more));

        if (!more)
            return FAULT(ENOMEM);
        files->list = more;
        files->room = room;
    }
    files->list[files->count] = str_dup(str_of(path));
    return files->list[files->count++] ? 0 : FAULT(ENOMEM);
}

bool artifact_pattern_match(const char *pattern, const char *path)
{
    if (strncmp(pattern, "./", 2) == 0)
        pattern += 2;
    if (!strstr(pattern, "**"))
        return fnmatch(pattern, path, FNM_PATHNAME) == 0;
    if (strncmp(pattern, "**/", 3) == 0 && artifact_pattern_match(pattern + 3, path))
        return true;
    return str_glob(str_of(pattern), str_of(path));
}

static bool is_wanted(const struct buildspec *spec, const char *path)
{
    const json_t *pattern;
    size_t i;

    json_array_foreach (spec->artifact_files, i, pattern)
        if (artifact_pattern_match(json_string_value(pattern), path))
            return true;
    return false;
}

static void walk_close(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

static int files_collect(const struct buildspec *spec, char *base, struct files *ret, struct reason *why)
{
    assert(base);
    char *const roots[] = {base, NULL};
    CLEANUP(walk_close) FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    size_t skip = strlen(base) + 1;
    FTSENT *file;

    if (!walk)
        return FAULT(errno);
    while ((file = fts_read(walk))) {
        int r;

        if (file->fts_info != FTS_F || !is_wanted(spec, file->fts_path + skip))
            continue;
        if (ret->count >= FILES_MAX)
            return reason_set(why, BUILD_ARTIFACTS_E_BAD, "more than %d files match artifacts/files",
                              FILES_MAX);
        r = files_add(ret, file->fts_path + skip);
        if (r)
            return r;
    }
    return 0;
}

/* The base folder, which must lie in the source folder wherever links lead. */
static int base_find(const struct buildspec *spec, const char *source_folder, char **ret, struct reason *why)
{
    CLEANUP(free_ptr) char *wanted = NULL;
    CLEANUP(free_ptr) char *root = realpath(source_folder, NULL);
    CLEANUP(free_ptr) char *base = NULL;

    if (!root || asprintf(&wanted, "%s/%s", root, spec->artifact_base ? spec->artifact_base : ".") < 0)
        return FAULT(ENOMEM);
    base = realpath(wanted, NULL);
    if (!base || !str_starts(str_of(base), str_of(root)) || (base[strlen(root)] && base[strlen(root)] != '/'))
        return reason_set(why, BUILD_ARTIFACTS_E_BAD,
                          "artifacts/base-directory '%s' is not a folder of the source",
                          spec->artifact_base ? spec->artifact_base : ".");
    *ret = take(base);
    return 0;
}

int build_artifacts_pack(const struct buildspec *spec, const char *source_folder, int fd, struct reason *why)
{
    CLEANUP(files_free) struct files files = {0};
    CLEANUP(free_ptr) char *base = NULL;
    int r = base_find(spec, source_folder, &base, why);

    if (r == 0)
        r = files_collect(spec, base, &files, why);
    if (r)
        return r;
    if (files.count == 0)
        return reason_set(why, BUILD_ARTIFACTS_E_BAD, "no file matches artifacts/files");
    return zip_create(fd, base, (const char *const *)files.list, files.count, spec->artifact_flat, why);
}
