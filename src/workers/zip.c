/* See zip.h. Links are made last, so that nothing is ever written through one. */
#include "workers/zip.h"
#include "base/io.h"
#include "base/mem.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK_BYTES 65536
#define RATIO_FROM_BYTES (1 << 20)
#define NAME_MAX_BYTES 1024

const struct zip_limits zip_limits_default = {
    .entries = 100000,
    .bytes = INT64_C(2) << 30,
    .ratio = 200,
};

struct link {
    char *path;
    char *target;
    struct link *next;
};

struct unpacking {
    struct archive *archive;
    const struct zip_limits *limits;
    struct reason *why;
    int dir_fd;
    int64_t packed_bytes;
    int64_t entries;
    int64_t bytes;
    struct link *links;
    char *block;
};

struct reader {
    struct archive *archive;
    char *whole; /* what it reads from, where that is small; NULL: from the file */
};

static void reader_free(struct reader *reader)
{
    archive_read_free(reader->archive);
    free(reader->whole);
}

static void writer_free(struct archive **archive)
{
    archive_write_free(*archive);
}

static void entry_free(struct archive_entry **entry)
{
    archive_entry_free(*entry);
}

static int whole_read(int fd, size_t bytes, char **ret)
{
    CLEANUP(free_ptr) char *whole = mem_alloc(bytes);

    if (!whole)
        return FAULT(ENOMEM);
    for (size_t done = 0; done < bytes;) {
        ssize_t got = pread(fd, whole + done, bytes - done, (off_t)done);

        if (got == 0 || (got < 0 && errno != EINTR))
            return FAULT(got == 0 ? EIO : errno);
        done += got > 0 ? (size_t)got : 0;
    }
    *ret = take(whole);
    return 0;
}

/* One that a block holds is read at once: libarchive reads its directory, its end and each entry by itself.
 */
static int reader_open(int fd, struct reader *ret, struct reason *why)
{
    struct stat st;
    int r;

    if (fstat(fd, &st) || lseek(fd, 0, SEEK_SET) < 0)
        return FAULT(errno);
    ret->archive = archive_read_new();
    if (!ret->archive)
        return FAULT(ENOMEM);
    r = st.st_size <= BLOCK_BYTES ? whole_read(fd, (size_t)st.st_size, &ret->whole) : 0;
    if (r)
        return r;
    if (archive_read_support_format_zip_seekable(ret->archive) != ARCHIVE_OK ||
        (ret->whole ? archive_read_open_memory(ret->archive, ret->whole, (size_t)st.st_size)
                    : archive_read_open_fd(ret->archive, fd, BLOCK_BYTES)) != ARCHIVE_OK)
        return reason_set(why, ZIP_E_BAD, "it is not a zip archive (%s)", archive_error_string(ret->archive));
    return 0;
}

/* 0, ZIP_E_BAD, or ZIP_E_ABSENT at the end. */
static int reader_next(struct archive *archive, struct archive_entry **ret, struct reason *why)
{
    int r = archive_read_next_header(archive, ret);

    if (r == ARCHIVE_EOF)
        return ZIP_E_ABSENT;
    if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
        return reason_set(why, ZIP_E_BAD, "the zip archive is broken (%s)", archive_error_string(archive));
    return 0;
}

int zip_check(int fd, struct reason *why)
{
    CLEANUP(reader_free) struct reader reader = {0};
    struct archive_entry *entry = NULL;
    int r = reader_open(fd, &reader, why);
    if (r == 0)
        r = reader_next(reader.archive, &entry, why);
    return r == ZIP_E_ABSENT ? 0 : r;
}

static const char *entry_name(struct archive_entry *entry)
{
    const char *name = archive_entry_pathname_utf8(entry);

    return name ? name : archive_entry_pathname(entry);
}

static int name_check(const char *name, struct reason *why)
{
    struct str rest;

    if (!name || !name[0] || strlen(name) > NAME_MAX_BYTES)
        return reason_set(why, ZIP_E_BAD, "an entry has no name, or one of more than %d bytes",
                          NAME_MAX_BYTES);
    if (name[0] == '/')
        return reason_set(why, ZIP_E_BAD, "entry '%s' has an absolute name", name);
    if (strchr(name, '\\'))
        return reason_set(why, ZIP_E_BAD, "entry '%s' has a backslash in its name: use '/' between folders",
                          name);
    rest = str_of(name);
    while (rest.len > 0) {
        struct str part = str_split(&rest, '/');

        if (str_eqc(part, ".."))
            return reason_set(why, ZIP_E_BAD, "entry '%s' leads out of the archive with '..'", name);
        if (part.len == 0 || part.len > 255)
            return reason_set(why, ZIP_E_BAD, "entry '%s' has an empty or too long part", name);
    }
    return 0;
}

/* A link may begin with as many `..` as lead to the root and have none later: it then stays inside whatever
 * other links there are. */
static int link_check(const char *name, const char *target, struct reason *why)
{
    struct str rest = str_of(name);
    int depth = -1;
    bool down = false;

    while (rest.len > 0) {
        struct str part = str_split(&rest, '/');
        depth += part.len > 0 && !str_eqc(part, ".");
    }
    if (!target || !target[0] || target[0] == '/')
        return reason_set(why, ZIP_E_BAD, "link '%s' has an absolute or empty target", name);
    rest = str_of(target);
    while (rest.len > 0) {
        struct str part = str_split(&rest, '/');

        if (!str_eqc(part, "..")) {
            down = down || (part.len > 0 && !str_eqc(part, "."));
            continue;
        }
        if (down || --depth < 0)
            return reason_set(why, ZIP_E_BAD, "link '%s' points out of the archive, to '%s'", name, target);
    }
    return 0;
}

static int parents_make(int dir_fd, const char *name, struct reason *why)
{
    char path[NAME_MAX_BYTES + 1];

    for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        size_t len = (size_t)(slash - name);
        struct stat st;

        memcpy(path, name, len);
        path[len] = '\0';
        if (mkdirat(dir_fd, path, 0755) == 0)
            continue;
        if (errno != EEXIST)
            return FAULT(errno);
        if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW))
            return FAULT(errno);
        if (!S_ISDIR(st.st_mode))
            return reason_set(why, ZIP_E_BAD, "entry '%s': '%s' is a file already", name, path);
    }
    return 0;
}

static int budget(struct unpacking *in, const char *name, int64_t more)
{
    in->bytes += more;
    if (in->bytes > in->limits->bytes)
        return reason_set(in->why, ZIP_E_BAD, "it unpacks to more than %lld bytes (at entry '%s')",
                          (long long)in->limits->bytes, name);
    if (in->bytes > RATIO_FROM_BYTES && in->bytes / (in->packed_bytes + 1) > in->limits->ratio)
        return reason_set(in->why, ZIP_E_BAD,
                          "it unpacks to more than %lld times its size: a zip bomb? (at entry '%s')",
                          (long long)in->limits->ratio, name);
    return 0;
}

static int file_write(struct unpacking *in, const char *name, int fd)
{
    for (;;) {
        la_ssize_t got = archive_read_data(in->archive, in->block, BLOCK_BYTES);
        int r;

        if (got == 0)
            return 0;
        if (got < 0)
            return reason_set(in->why, ZIP_E_BAD, "entry '%s' is broken (%s)", name,
                              archive_error_string(in->archive));
        r = budget(in, name, got);
        if (r == 0)
            r = io_write_all(fd, in->block, (size_t)got);
        if (r)
            return r;
    }
}

static int file_unpack(struct unpacking *in, const char *name, mode_t mode)
{
    CLEANUP(close_fd)
    int fd = openat(in->dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    mode & 0111 ? 0755 : 0644);

    if (fd >= 0)
        return file_write(in, name, fd);
    if (errno == EEXIST || errno == EISDIR)
        return reason_set(in->why, ZIP_E_BAD, "entry '%s' is there twice", name);
    return FAULT(errno);
}

static int folder_unpack(struct unpacking *in, const char *name)
{
    struct stat st;

    if (mkdirat(in->dir_fd, name, 0755) == 0)
        return 0;
    if (errno != EEXIST)
        return FAULT(errno);
    if (fstatat(in->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return reason_set(in->why, ZIP_E_BAD, "entry '%s' is there as a file and as a folder", name);
}

static int link_keep(struct unpacking *in, struct archive_entry *entry, const char *name)
{
    const char *target = archive_entry_symlink_utf8(entry);
    struct link *link;
    int r;

    if (!target)
        target = archive_entry_symlink(entry);
    r = link_check(name, target, in->why);
    if (r)
        return r;
    link = mem_alloc(sizeof(*link));
    if (!link)
        return FAULT(ENOMEM);
    link->path = str_dup(str_of(name));
    link->target = str_dup(str_of(target));
    link->next = in->links;
    in->links = link;
    return link->path && link->target ? 0 : FAULT(ENOMEM);
}

static int entry_unpack(struct unpacking *in, struct archive_entry *entry)
{
    const char *name = entry_name(entry);
    int r = name_check(name, in->why);

    if (r)
        return r;
    if (++in->entries > in->limits->entries)
        return reason_set(in->why, ZIP_E_BAD, "it has more than %lld entries",
                          (long long)in->limits->entries);
    r = parents_make(in->dir_fd, name, in->why);
    if (r)
        return r;
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
        return file_unpack(in, name, archive_entry_perm(entry));
    case AE_IFDIR:
        return folder_unpack(in, name);
    case AE_IFLNK:
        return link_keep(in, entry, name);
    default:
        return reason_set(in->why, ZIP_E_BAD, "entry '%s' is neither file, folder nor link", name);
    }
}

static int links_make(struct unpacking *in)
{
    for (struct link *link = in->links; link; link = link->next) {
        if (symlinkat(link->target, in->dir_fd, link->path) == 0)
            continue;
        if (errno == EEXIST)
            return reason_set(in->why, ZIP_E_BAD, "entry '%s' is there twice", link->path);
        return FAULT(errno);
    }
    return 0;
}

static void links_free(struct unpacking *in)
{
    while (in->links) {
        struct link *link = in->links;

        in->links = link->next;
        free(link->path);
        free(link->target);
        free(link);
    }
}

static int unpack_all(struct unpacking *in)
{
    struct archive_entry *entry;
    int r;

    for (;;) {
        r = reader_next(in->archive, &entry, in->why);
        if (r == ZIP_E_ABSENT)
            return links_make(in);
        if (r == 0)
            r = entry_unpack(in, entry);
        if (r)
            return r;
    }
}

int zip_extract(int fd, const char *dir, const struct zip_limits *limits, struct reason *why)
{
    CLEANUP(reader_free) struct reader reader = {0};
    CLEANUP(close_fd) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char block[BLOCK_BYTES];
    struct unpacking in = {.limits = limits, .why = why, .dir_fd = dir_fd, .block = block};
    struct stat st;
    int r;

    if (dir_fd < 0 || fstat(fd, &st))
        return FAULT(errno);
    in.packed_bytes = st.st_size;
    r = reader_open(fd, &reader, why);
    if (r)
        return r;
    in.archive = reader.archive;
    r = unpack_all(&in);
    links_free(&in);
    return r;
}

static int entry_read(struct archive *archive, const char *name, struct buf *ret, struct reason *why)
{
    char block[4096];

    for (;;) {
        la_ssize_t got = archive_read_data(archive, block, sizeof(block));

        if (got < 0)
            return reason_set(why, ZIP_E_BAD, "entry '%s' is broken (%s)", name,
                              archive_error_string(archive));
        if (got == 0)
            return buf_error(ret) == -EMSGSIZE
                       ? reason_set(why, ZIP_E_BAD, "entry '%s' is larger than %zu bytes", name, ret->max)
                       : buf_error(ret);
        if (buf_put(ret, block, (size_t)got) == -EMSGSIZE)
            return reason_set(why, ZIP_E_BAD, "entry '%s' is larger than %zu bytes", name, ret->max);
    }
}

int zip_read_file(int fd, const char *name, struct buf *ret, struct reason *why)
{
    CLEANUP(reader_free) struct reader reader = {0};
    struct archive_entry *entry;
    int r = reader_open(fd, &reader, why);

    while (r == 0) {
        r = reader_next(reader.archive, &entry, why);
        if (r == ZIP_E_ABSENT)
            return reason_set(why, ZIP_E_ABSENT, "there is no '%s' in it", name);
        if (r == 0 && entry_name(entry) && strcmp(entry_name(entry), name) == 0)
            return archive_entry_filetype(entry) == AE_IFREG
                       ? entry_read(reader.archive, name, ret, why)
                       : reason_set(why, ZIP_E_BAD, "'%s' in it is not a file", name);
    }
    return r;
}

static int writer_open(int fd, struct archive **ret, struct reason *why)
{
    CLEANUP(writer_free) struct archive *archive = archive_write_new();

    if (!archive)
        return FAULT(ENOMEM);
    if (archive_write_set_format_zip(archive) != ARCHIVE_OK ||
        archive_write_set_bytes_in_last_block(archive, 1) != ARCHIVE_OK ||
        archive_write_open_fd(archive, fd) != ARCHIVE_OK)
        return reason_set(why, ZIP_E_BAD, "the zip archive cannot be made: %s",
                          archive_error_string(archive));
    *ret = take(archive);
    return 0;
}

static int header_write(struct archive *archive, const char *name, const struct stat *st, struct reason *why)
{
    CLEANUP(entry_free) struct archive_entry *entry = archive_entry_new();

    if (!entry)
        return FAULT(ENOMEM);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, st->st_mode & 0777);
    archive_entry_set_size(entry, st->st_size);
    archive_entry_set_mtime(entry, st->st_mtime, 0);
    if (archive_write_header(archive, entry) != ARCHIVE_OK)
        return reason_set(why, ZIP_E_BAD, "'%s' cannot be packed: %s", name, archive_error_string(archive));
    return 0;
}

static int body_write(struct archive *archive, const char *name, struct str bytes, struct reason *why)
{
    if (archive_write_data(archive, bytes.ptr, bytes.len) != (la_ssize_t)bytes.len)
        return reason_set(why, ZIP_E_BAD, "'%s' cannot be packed: %s", name, archive_error_string(archive));
    return 0;
}

static int file_pack(struct archive *archive, int dir_fd, const char *path, const char *name,
                     struct reason *why)
{
    CLEANUP(close_fd) int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(free_ptr) char *block = mem_alloc(BLOCK_BYTES);
    struct stat st;
    ssize_t got = 1;
    int r;

    if (!block)
        return FAULT(ENOMEM);
    if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
        return reason_set(why, ZIP_E_BAD, "'%s' cannot be packed: it is not a readable file", path);
    r = header_write(archive, name, &st, why);
    while (r == 0 && got > 0) {
        got = io_read(fd, block, BLOCK_BYTES);
        if (got < 0)
            return (int)got;
        r = body_write(archive, name, (struct str){block, (size_t)got}, why);
    }
    return r;
}

int zip_create(int fd, const char *dir, const char *const *paths, size_t count, bool flat, struct reason *why)
{
    CLEANUP(writer_free) struct archive *archive = NULL;
    CLEANUP(close_fd) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r;

    if (dir_fd < 0)
        return FAULT(errno);
    r = writer_open(fd, &archive, why);
    for (size_t i = 0; r == 0 && i < count; i++) {
        const char *slash = strrchr(paths[i], '/');

        r = file_pack(archive, dir_fd, paths[i], flat && slash ? slash + 1 : paths[i], why);
    }
    if (r == 0 && archive_write_close(archive) != ARCHIVE_OK)
        r = reason_set(why, ZIP_E_BAD, "the zip archive cannot be written: %s",
                       archive_error_string(archive));
    return r;
}

int zip_create_one(int fd, const char *name, struct str content, struct reason *why)
{
    CLEANUP(writer_free) struct archive *archive = NULL;
    struct stat st = {.st_mode = 0644, .st_size = (off_t)content.len};
    int r = writer_open(fd, &archive, why);

    if (r == 0)
        r = header_write(archive, name, &st, why);
    if (r == 0)
        r = body_write(archive, name, content, why);
    if (r == 0 && archive_write_close(archive) != ARCHIVE_OK)
        r = reason_set(why, ZIP_E_BAD, "the zip archive cannot be written: %s",
                       archive_error_string(archive));
    return r;
}
