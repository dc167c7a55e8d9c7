/* See gather.h. A frame of the log is a header of 24 bytes and a page; the header's second number is not zero
 * in the last frame of a commit. Source: SQLite's "Database File Format", "The Write-Ahead Log". */
#include "db/gather.h"
#include "base/fail.h"
#include <stdatomic.h>
#include <stdlib.h>

#define SIZE_MOST (124 * 1024) /* SQLite writes less than 128 KiB at a time */
#define FRAME_HEADER_SIZE 24

static atomic_ullong scopes;
static _Thread_local uint64_t scope; /* 0: none */

void gather_begin(void)
{
    scope = atomic_fetch_add(&scopes, 1) + 1;
}

void gather_end(void)
{
    scope = 0;
}

void gather_init(struct gather *gather, bool is_log)
{
    *gather = (struct gather){.next = -1, .is_log = is_log};
}

void gather_deinit(struct gather *gather)
{
    free(take(gather->bytes));
}

int gather_flush(struct gather *gather, sqlite3_file *file)
{
    int len = gather->scope == scope ? gather->len : 0;
    gather->len = 0;
    if (len == 0)
        return SQLITE_OK;
    return fail_now(FAIL_IO) ? SQLITE_IOERR_WRITE
                             : file->pMethods->xWrite(file, gather->bytes, len, gather->at);
}

/* It follows upon what is gathered, or upon what was written last. */
static bool can_add(struct gather *gather, int len, sqlite3_int64 offset)
{
    if (!gather->is_log || scope == 0 || offset != gather->next ||
        (gather->len > 0 && gather->scope != scope))
        return false;
    if (!gather->bytes)
        gather->bytes = fail_now(FAIL_ALLOC) ? NULL : malloc(SIZE_MOST);
    return gather->bytes && len <= SIZE_MOST - gather->len;
}

static void add(struct gather *gather, const void *bytes, int len, sqlite3_int64 offset)
{
    if (gather->len == 0) {
        gather->at = offset;
        gather->scope = scope;
    }
    memcpy(gather->bytes + gather->len, bytes, (size_t)len);
    gather->len += len;
}

static int write_or_add(struct gather *gather, sqlite3_file *file, const void *bytes, int len,
                        sqlite3_int64 offset)
{
    int rc = SQLITE_OK;
    bool added = can_add(gather, len, offset);
    if (!added) {
        rc = gather_flush(gather, file);
        added = rc == SQLITE_OK && can_add(gather, len, offset);
    }
    if (added)
        add(gather, bytes, len, offset);
    else if (rc == SQLITE_OK)
        rc = file->pMethods->xWrite(file, bytes, len, offset);
    gather->next = rc == SQLITE_OK ? offset + len : -1;
    return rc;
}

static bool begins_last_frame(const unsigned char *bytes, int len)
{
    return len == FRAME_HEADER_SIZE && (bytes[4] | bytes[5] | bytes[6] | bytes[7]) != 0;
}

int gather_write(struct gather *gather, sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    bool ends_commit = gather->ends_commit;
    gather->ends_commit = begins_last_frame(bytes, len);
    int rc = write_or_add(gather, file, bytes, len, offset);
    return rc == SQLITE_OK && ends_commit ? gather_flush(gather, file) : rc;
}
