/* A frame: magic (4 bytes), content's length (4), generation (8), its own offset (8), where the generation
 * before ended (8), CRC-32C of header and content (8, the upper half zero); then the content. All
 * little-endian. What a header says of itself must be true where it stands, so that the remains of older
 * frames are never taken for one.
 *
 * The file grows by zeros ahead of the frames: overwriting blocks that are there costs a sync much less than
 * adding some. */
#include "db/redo.h"
#include "base/crc.h"
#include "base/id.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#define MAGIC 0x4f444552U     /* "REDO" */
#define GROW_LEAST (64 << 10) /* bytes; then as much again as there is */
#define GROW_MOST (512 << 10)

struct header {
    uint32_t magic;
    uint32_t length;
    int64_t generation;
    int64_t offset;
    int64_t before;
    uint64_t crc; /* computed with zero here */
};
_Static_assert(sizeof(struct header) == REDO_HEADER_SIZE, "the header has no padding");

struct redo {
    int fd;
    struct redo_position at;
    int64_t before; /* where the generation before this one ended */
    int64_t size;   /* of the file */
    bool torn;      /* where the next frame goes may be one whose append failed */
};

static int redo_path(const char *path, char ret[PATH_MAX])
{
    return snprintf(ret, PATH_MAX, "%s" REDO_SUFFIX, path) < PATH_MAX ? 0 : FAULT(ENAMETOOLONG);
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash)
        return io_fsync_dir(".");
    (void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path + 1), path);
    return io_fsync_dir(folder);
}

static int open_at(const char *path, int flags, struct redo **ret)
{
    CLEANUP(redo_close) struct redo *redo = mem_alloc(sizeof(*redo));
    char name[PATH_MAX];
    struct stat found;
    if (!redo)
        return FAULT(ENOMEM);
    redo->fd = -1;
    int r = redo_path(path, name);
    if (r < 0)
        return r;
    redo->fd = io_open(name, flags, 0600);
    if (redo->fd < 0)
        return redo->fd;
    if (fstat(redo->fd, &found) != 0)
        return FAULT(errno);
    redo->size = found.st_size;
    *ret = take(redo);
    return 0;
}

/* 0: locked; REDO_NONE: whoever had it has removed it. */
static int lock(const struct redo *redo)
{
    struct stat found;
    if (flock(redo->fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? REDO_BUSY : FAULT(errno);
    if (fstat(redo->fd, &found) != 0)
        return FAULT(errno);
    return found.st_nlink > 0 ? 0 : REDO_NONE;
}

int redo_open(const char *path, struct redo **ret)
{
    CLEANUP(redo_close) struct redo *redo = NULL;
    int r = REDO_NONE;
    while (r == REDO_NONE) {
        redo_close(&redo);
        r = open_at(path, O_RDWR | O_CREAT, &redo);
        if (r == 0)
            r = lock(redo);
    }
    if (r != 0)
        return r;
    r = redo->size == 0 ? sync_folder_of(path) : 0;
    if (r == 0)
        *ret = take(redo);
    return r;
}

int redo_open_reading(const char *path, struct redo **ret)
{
    int r = open_at(path, O_RDONLY, ret);
    return r == -ENOENT ? REDO_NONE : r;
}

void redo_close(struct redo **redo)
{
    if (!*redo)
        return;
    close_fd(&(*redo)->fd);
    free(*redo);
    *redo = NULL;
}

int redo_remove(const char *path)
{
    char name[PATH_MAX];
    int r = redo_path(path, name);
    return r < 0 ? r : io_unlink(name);
}

bool redo_is_new(const struct redo *redo)
{
    return redo->size == 0;
}

bool redo_is_torn(const struct redo *redo)
{
    return redo->torn;
}

int64_t redo_new_generation(void)
{
    uint64_t number;
    id_random(&number, sizeof(number));
    return (int64_t)(number >> 2); /* there is always a next */
}

struct redo_position redo_at(const struct redo *redo)
{
    return redo->at;
}

void redo_seek(struct redo *redo, struct redo_position at)
{
    redo->at = at;
}

void redo_restart(struct redo *redo)
{
    redo->before = redo->at.offset;
    redo->at = (struct redo_position){redo->at.generation + 1, 0};
}

static uint64_t crc_of(const struct header *header, const void *content)
{
    struct header zeroed = *header;
    zeroed.crc = 0;
    uint64_t state = crc_update(CRC_32C, crc_begin(CRC_32C), &zeroed, sizeof(zeroed));
    return crc_value(CRC_32C, crc_update(CRC_32C, state, content, header->length));
}

/* Zeros up to beyond `end`, so that many frames find their blocks there. */
static int grow(struct redo *redo, int64_t end)
{
    static const char zeros[64 << 10];
    while (redo->size < end) {
        int64_t more = redo->size < GROW_LEAST ? GROW_LEAST : redo->size < GROW_MOST ? redo->size : GROW_MOST;
        int64_t target = redo->size + more;
        while (redo->size < target) {
            int r = io_pwrite_all(redo->fd, zeros, sizeof(zeros), redo->size);
            if (r < 0)
                return r;
            redo->size += (int64_t)sizeof(zeros);
        }
    }
    return 0;
}

static int write_synced(struct redo *redo, const void *bytes, size_t len)
{
    int r = grow(redo, redo->at.offset + (int64_t)len);
    if (r == 0)
        r = io_pwrite_all(redo->fd, bytes, len, redo->at.offset);
    if (r == 0)
        r = io_fdatasync(redo->fd);
    redo->torn = r < 0;
    if (r == 0)
        redo->at.offset += (int64_t)len;
    return r;
}

static struct header header_of(const struct redo *redo, struct str content)
{
    struct header header = {.magic = MAGIC,
                            .length = (uint32_t)content.len,
                            .generation = redo->at.generation,
                            .offset = redo->at.offset,
                            .before = redo->before};
    header.crc = crc_of(&header, content.ptr);
    return header;
}

/* An empty frame in the place of one whose append failed. */
static int mend(struct redo *redo)
{
    struct header empty = header_of(redo, STR(""));
    return redo->torn ? write_synced(redo, &empty, sizeof(empty)) : 0;
}

int redo_append(struct redo *redo, struct buf *frame)
{
    assert(frame->len >= REDO_HEADER_SIZE && frame->len - REDO_HEADER_SIZE <= UINT32_MAX);
    int r = mend(redo);
    if (r < 0)
        return r;
    struct header header =
        header_of(redo, (struct str){frame->ptr + REDO_HEADER_SIZE, frame->len - REDO_HEADER_SIZE});
    memcpy(frame->ptr, &header, sizeof(header));
    r = write_synced(redo, frame->ptr, frame->len);
    if (r < 0 && mend(redo) < 0)
        log_debug("db",
                  "the redo log's last frame failed and is there perhaps: none is added before it is gone");
    return r;
}

/* 0; REDO_NONE: what stands there is no frame of this generation. */
static int read_header(struct redo *redo, struct redo_position at, struct header *ret)
{
    struct stat found;
    if (fstat(redo->fd, &found) != 0) /* another process writes it, perhaps */
        return FAULT(errno);
    redo->size = found.st_size;
    if (at.offset + REDO_HEADER_SIZE > redo->size)
        return REDO_NONE;
    int r = io_pread_all(redo->fd, ret, sizeof(*ret), at.offset);
    if (r < 0)
        return r;
    bool is_frame = ret->magic == MAGIC && ret->generation == at.generation && ret->offset == at.offset &&
                    ret->length <= redo->size - at.offset - REDO_HEADER_SIZE;
    return is_frame ? 0 : REDO_NONE;
}

/* What follows the header at `at`: 0; REDO_NONE: it was not written whole. */
static int read_content(struct redo *redo, struct redo_position at, const struct header *header,
                        struct buf *ret)
{
    buf_reset(ret);
    char *content = buf_extend(ret, header->length);
    if (!content)
        return buf_error(ret);
    int r = io_pread_all(redo->fd, content, header->length, at.offset + REDO_HEADER_SIZE);
    if (r == 0 && crc_of(header, content) != header->crc)
        return REDO_NONE;
    if (r == 0) {
        redo->at = (struct redo_position){at.generation, at.offset + REDO_HEADER_SIZE + header->length};
        redo->before = header->before;
    }
    return r;
}

int redo_read(struct redo *redo, struct buf *ret)
{
    const struct redo_position successor = {redo->at.generation + 1, 0};
    struct header header;
    int r = read_header(redo, redo->at, &header);
    if (r == 0)
        r = read_content(redo, redo->at, &header, ret);
    if (r != REDO_NONE)
        return r;
    r = read_header(redo, successor, &header);
    if (r == 0 && header.before != redo->at.offset)
        return REDO_NONE;
    return r == 0 ? read_content(redo, successor, &header, ret) : r;
}

int redo_was_restarted(const struct redo *redo, bool *ret)
{
    struct header header = {0};
    int r = redo->size < REDO_HEADER_SIZE ? 0 : io_pread_all(redo->fd, &header, sizeof(header), 0);
    if (r == 0)
        *ret = header.magic == MAGIC && header.generation > redo->at.generation;
    return r;
}
