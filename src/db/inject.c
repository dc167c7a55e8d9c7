/* A VFS that passes every call on to SQLite's own, but keeps files without a name in memory (scratch.h) and
 * gathers a commit's writes (gather.h), and an allocator that passes on to blocks.h; all ask fail_now first.
 * Unarmed that is one relaxed load, so the same path runs in tests and in production. */
#include "db/inject.h"
#include "base/fail.h"
#include "db/blocks.h"
#include "db/gather.h"
#include "db/scratch.h"
#include <malloc.h>
#include <pthread.h>
#include <sqlite3.h>

struct file {
    sqlite3_file base;
    sqlite3_file *real; /* in the memory behind this struct */
    struct gather gather;
};

static sqlite3_vfs *real_vfs;
static sqlite3_vfs vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct file *)(void *)file)->real;
}

/* What was gathered is in the file. */
static int written(sqlite3_file *file)
{
    return gather_flush(&((struct file *)(void *)file)->gather, real_of(file));
}

static int file_close(sqlite3_file *file)
{
    int rc = written(file);
    gather_deinit(&((struct file *)(void *)file)->gather);
    int closed = real_of(file)->pMethods->xClose(real_of(file));
    return rc != SQLITE_OK ? rc : closed;
}

static int file_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    if (fail_now(FAIL_IO))
        return SQLITE_IOERR_READ;
    int rc = written(file);
    return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xRead(real_of(file), bytes, len, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    if (fail_now(FAIL_IO))
        return SQLITE_IOERR_WRITE;
    return gather_write(&((struct file *)(void *)file)->gather, real_of(file), bytes, len, offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (fail_now(FAIL_IO))
        return SQLITE_IOERR_TRUNCATE;
    int rc = written(file);
    return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    if (fail_now(FAIL_IO))
        return SQLITE_IOERR_FSYNC;
    int rc = written(file);
    return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    if (fail_now(FAIL_IO))
        return SQLITE_IOERR_FSTAT;
    int rc = written(file);
    return rc != SQLITE_OK ? rc : real_of(file)->pMethods->xFileSize(real_of(file), ret);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret);
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **ret)
{
    if (fail_now(FAIL_IO))
        return SQLITE_IOERR_SHMMAP;
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, ret);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* without xFetch: reads never go past the injection point */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *self UNUSED, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    struct file *wrapped = (struct file *)(void *)file;
    wrapped->base.pMethods = NULL;
    if (!name) {
        scratch_open(file);
        return SQLITE_OK;
    }
    wrapped->real = (sqlite3_file *)(void *)(wrapped + 1);
    gather_init(&wrapped->gather, flags & SQLITE_OPEN_WAL);
    if (fail_now(FAIL_IO))
        return SQLITE_CANTOPEN;
    int rc = real_vfs->xOpen(real_vfs, name, wrapped->real, flags, ret_flags);
    if (wrapped->real->pMethods)
        wrapped->base.pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *self UNUSED, const char *name, int sync_folder)
{
    if (fail_now(FAIL_IO))
        return SQLITE_IOERR_DELETE;
    return real_vfs->xDelete(real_vfs, name, sync_folder);
}

static void *inject_malloc(int size)
{
    return fail_now(FAIL_ALLOC) ? NULL : blocks_malloc((size_t)size);
}

static void *inject_realloc(void *ptr, int size)
{
    return fail_now(FAIL_ALLOC) ? NULL : realloc(ptr, (size_t)size);
}

static int inject_size(void *ptr)
{
    return (int)malloc_usable_size(ptr);
}

static int inject_roundup(int size)
{
    return (size + 7) & ~7;
}

static int inject_init(void *arg UNUSED)
{
    return SQLITE_OK;
}

static void inject_shutdown(void *arg UNUSED)
{
}

static int install_result;

static void install(void)
{
    static const sqlite3_mem_methods memory = {
        .xMalloc = inject_malloc,
        .xFree = blocks_give,
        .xRealloc = inject_realloc,
        .xSize = inject_size,
        .xRoundup = inject_roundup,
        .xInit = inject_init,
        .xShutdown = inject_shutdown,
    };
    install_result = sqlite3_config(SQLITE_CONFIG_MALLOC, &memory);
    if (install_result == SQLITE_OK)
        install_result = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    if (install_result == SQLITE_OK)
        install_result = sqlite3_config(SQLITE_CONFIG_STMTJRNL_SPILL, 0); /* at once in a file, ours */
    if (install_result == SQLITE_OK)
        install_result = sqlite3_initialize();
    if (install_result != SQLITE_OK)
        return;
    real_vfs = sqlite3_vfs_find(NULL);
    assert(real_vfs);
    vfs = *real_vfs;
    vfs.pNext = NULL;
    vfs.zName = INJECT_VFS;
    vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
    assert(vfs.szOsFile >= scratch_size);
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    install_result = sqlite3_vfs_register(&vfs, 0);
}

int inject_install(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, install);
    return install_result == SQLITE_OK ? 0 : FAULT(ENOMEM);
}
