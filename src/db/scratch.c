/* Files without a name, in memory: scratch.h says why. */
#include "db/scratch.h"
#include "base/fail.h"
#include <stdlib.h>

#define FIRST_CAPACITY ((sqlite3_int64)64 * 1024)
#define KEPT_CAPACITY ((sqlite3_int64)1024 * 1024) /* a longer one is given back when it is emptied */

struct scratch {
    sqlite3_file base;
    char *bytes;
    sqlite3_int64 len;
    sqlite3_int64 cap;
};

const int scratch_size = (int)sizeof(struct scratch);

static struct scratch *scratch_of(sqlite3_file *file)
{
    return (struct scratch *)(void *)file;
}

static int scratch_close(sqlite3_file *file)
{
    struct scratch *scratch = scratch_of(file);
    free(take(scratch->bytes));
    scratch->len = scratch->cap = 0;
    return SQLITE_OK;
}

static int scratch_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    const struct scratch *scratch = scratch_of(file);
    sqlite3_int64 there = scratch->len - offset;
    size_t wanted = (size_t)len, some = there <= 0 ? 0 : there < len ? (size_t)there : wanted;
    if (some > 0)
        memcpy(bytes, scratch->bytes + offset, some);
    memset((char *)bytes + some, 0, wanted - some);
    return some == wanted ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int reserve(struct scratch *scratch, sqlite3_int64 len)
{
    sqlite3_int64 cap = scratch->cap ? scratch->cap : FIRST_CAPACITY;
    if (len <= scratch->cap)
        return SQLITE_OK;
    while (cap < len)
        cap *= 2;
    char *bytes = fail_now(FAIL_ALLOC) ? NULL : realloc(scratch->bytes, (size_t)cap);
    if (!bytes)
        return SQLITE_IOERR_NOMEM;
    scratch->bytes = bytes;
    scratch->cap = cap;
    return SQLITE_OK;
}

static int scratch_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    struct scratch *scratch = scratch_of(file);
    sqlite3_int64 end = offset + len;
    int rc = reserve(scratch, end);
    if (rc != SQLITE_OK)
        return rc;
    if (offset > scratch->len)
        memset(scratch->bytes + scratch->len, 0, (size_t)(offset - scratch->len));
    memcpy(scratch->bytes + offset, bytes, (size_t)len);
    if (end > scratch->len)
        scratch->len = end;
    return SQLITE_OK;
}

static int scratch_truncate(sqlite3_file *file, sqlite3_int64 len)
{
    struct scratch *scratch = scratch_of(file);
    if (len < scratch->len)
        scratch->len = len;
    if (len == 0 && scratch->cap > KEPT_CAPACITY)
        return scratch_close(file);
    return SQLITE_OK;
}

static int scratch_sync(sqlite3_file *file UNUSED, int flags UNUSED)
{
    return SQLITE_OK;
}

static int scratch_length(sqlite3_file *file, sqlite3_int64 *ret)
{
    *ret = scratch_of(file)->len;
    return SQLITE_OK;
}

static int scratch_lock(sqlite3_file *file UNUSED, int level UNUSED)
{
    return SQLITE_OK;
}

static int scratch_is_locked(sqlite3_file *file UNUSED, int *ret)
{
    *ret = 0;
    return SQLITE_OK;
}

static int scratch_control(sqlite3_file *file UNUSED, int op UNUSED, void *arg UNUSED)
{
    return SQLITE_NOTFOUND;
}

static int scratch_sector_size(sqlite3_file *file UNUSED)
{
    return 0;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = scratch_close,
    .xRead = scratch_read,
    .xWrite = scratch_write,
    .xTruncate = scratch_truncate,
    .xSync = scratch_sync,
    .xFileSize = scratch_length,
    .xLock = scratch_lock,
    .xUnlock = scratch_lock,
    .xCheckReservedLock = scratch_is_locked,
    .xFileControl = scratch_control,
    .xSectorSize = scratch_sector_size,
    .xDeviceCharacteristics = scratch_sector_size,
};

void scratch_open(sqlite3_file *file)
{
    *scratch_of(file) = (struct scratch){.base = {&methods}};
}
