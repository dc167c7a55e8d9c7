/* See dwellers.h. */
#include "workers/anchor/dwellers.h"
#include "base/mem.h"
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PLACES_MAX_BYTES (1 << 20)
#define LINK_BYTES 32 /* "4194304/cwd" */

static void close_dir(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

/* `within` ends with a slash. One that is gone by now, or another user's, lives nowhere. */
static void place_put(struct buf *places, int processes, const char *pid, struct str within)
{
    char link[LINK_BYTES], place[PATH_MAX];
    ssize_t len;

    if (snprintf(link, sizeof(link), "%s/cwd", pid) >= (int)sizeof(link))
        return;
    len = readlinkat(processes, link, place, sizeof(place));
    if (len <= (ssize_t)within.len || memcmp(place, within.ptr, within.len) != 0)
        return;
    buf_put(places, place + within.len, (size_t)len - within.len);
    buf_put(places, "", 1);
}

int dwellers_find(const char *folder, struct dwellers *ret)
{
    CLEANUP(close_dir) DIR *processes = opendir("/proc");
    CLEANUP(free_ptr) char *real = realpath(folder, NULL);
    CLEANUP(buf_free) struct buf within = BUF_INIT(PATH_MAX + 1), places = BUF_INIT(PLACES_MAX_BYTES);
    const struct dirent *entry;

    if (!processes || !real)
        return FAULT(errno);
    buf_puts(&within, real);
    buf_puts(&within, "/");
    if (buf_error(&within))
        return buf_error(&within);
    for (;;) {
        errno = 0;
        entry = readdir(processes);
        if (!entry)
            break;
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
            place_put(&places, dirfd(processes), entry->d_name, buf_str(&within));
    }
    if (errno)
        return FAULT(errno);
    if (buf_error(&places))
        return buf_error(&places);
    ret->places = places;
    places = (struct buf)BUF_INIT(0);
    return 0;
}

bool dwellers_are_in(const struct dwellers *dwellers, const char *path)
{
    struct str left = buf_str(&dwellers->places), folder = str_of(path);

    while (left.len > 0) {
        struct str place = str_split(&left, '\0');

        if (str_starts(place, folder) && (place.len == folder.len || place.ptr[folder.len] == '/'))
            return true;
    }
    return false;
}

void dwellers_deinit(struct dwellers *dwellers)
{
    buf_free(&dwellers->places);
}
