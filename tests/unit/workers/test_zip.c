/* Zip archives made by strangers: what is unpacked, and what is refused with words. */
#include "base/io.h"
#include "workers/zip.h"
#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

struct member {
    const char *name;
    unsigned type;
    const char *content; /* a link's target for AE_IFLNK */
};

static char *folder;

static int set_up(void **state UNUSED)
{
    folder = str_dup(STR("/tmp/slipway-test-zip-XXXXXX"));
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state UNUSED)
{
    int r = io_remove_tree(folder);

    free(folder);
    return r;
}

static char *below(const char *name)
{
    char *path = NULL;

    assert_true(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static int zip_of(const struct member *members, size_t count)
{
    CLEANUP(free_ptr) char *path = below("a.zip");
    struct archive *archive = archive_write_new();
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    archive_write_set_format_zip(archive);
    archive_write_open_fd(archive, fd);
    for (size_t i = 0; i < count; i++) {
        struct archive_entry *entry = archive_entry_new();

        archive_entry_set_pathname(entry, members[i].name);
        archive_entry_set_filetype(entry, members[i].type);
        archive_entry_set_perm(entry, members[i].type == AE_IFDIR ? 0755 : 0644);
        if (members[i].type == AE_IFLNK)
            archive_entry_set_symlink(entry, members[i].content);
        else
            archive_entry_set_size(entry, (la_int64_t)strlen(members[i].content));
        assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
        if (members[i].type == AE_IFREG)
            archive_write_data(archive, members[i].content, strlen(members[i].content));
        archive_entry_free(entry);
    }
    assert_int_equal(archive_write_close(archive), ARCHIVE_OK);
    archive_write_free(archive);
    return fd;
}

static int extract(const struct member *members, size_t count, const struct zip_limits *limits,
                   struct reason *why)
{
    CLEANUP(free_ptr) char *out = below("out");
    CLEANUP(close_fd) int fd = zip_of(members, count);

    assert_int_equal(io_remove_tree(out), 0);
    assert_int_equal(mkdir(out, 0700), 0);
    return zip_extract(fd, out, limits ? limits : &zip_limits_default, why);
}

static void assert_refused(const struct member *members, size_t count, const struct zip_limits *limits,
                           const char *expected)
{
    struct reason why = {0};

    assert_int_equal(extract(members, count, limits, &why), ZIP_E_BAD);
    if (!strstr(why.text, expected))
        fail_msg("'%s' is not in '%s'", expected, why.text);
}

static void files_folders_and_inner_links_are_unpacked(void **state UNUSED)
{
    const struct member members[] = {
        {"site/", AE_IFDIR, ""},
        {"site/link", AE_IFLNK, "../top.txt"},
        {"site/a/index.html", AE_IFREG, "hello"},
        {"top.txt", AE_IFREG, "top"},
    };
    CLEANUP(buf_free) struct buf text = BUF_INIT(100);
    CLEANUP(free_ptr) char *index = below("out/site/a/index.html");
    CLEANUP(free_ptr) char *link = below("out/site/link");
    struct reason why = {0};

    if (extract(members, ARRAY_LEN(members), NULL, &why))
        fail_msg("%s", why.text);
    assert_int_equal(io_read_file(index, &text), 0);
    assert_int_equal(io_read_file(link, &text), 0);
    assert_string_equal(text.ptr, "hellotop");
}

static void names_that_lead_out_are_refused(void **state UNUSED)
{
    assert_refused((struct member[]){{"../evil", AE_IFREG, "x"}}, 1, NULL, "'..'");
    assert_refused((struct member[]){{"a/../../evil", AE_IFREG, "x"}}, 1, NULL, "'..'");
    assert_refused((struct member[]){{"/etc/evil", AE_IFREG, "x"}}, 1, NULL, "absolute");
    assert_refused((struct member[]){{"a\\..\\..\\evil", AE_IFREG, "x"}}, 1, NULL, "evil");
}

static void links_that_lead_out_are_refused(void **state UNUSED)
{
    const struct member climbing[] = {
        {"d/e/up", AE_IFLNK, "../.."},
        {"x", AE_IFLNK, "d/e/up/../.."},
    };
    const struct member through[] = {
        {"dir", AE_IFLNK, "other"},
        {"dir/file", AE_IFREG, "x"},
    };
    struct reason why = {0};

    assert_refused((struct member[]){{"l", AE_IFLNK, "../x"}}, 1, NULL, "points out");
    assert_refused((struct member[]){{"l", AE_IFLNK, "/etc/passwd"}}, 1, NULL, "absolute");
    assert_refused(climbing, 2, NULL, "points out");
    assert_int_equal(extract(through, 2, NULL, &why), ZIP_E_BAD);
}

static void entries_given_twice_are_refused(void **state UNUSED)
{
    const struct member files[] = {{"a", AE_IFREG, "1"}, {"a", AE_IFREG, "2"}};
    const struct member mixed[] = {{"a", AE_IFREG, "1"}, {"a/b", AE_IFREG, "2"}};

    assert_refused(files, 2, NULL, "twice");
    assert_refused(mixed, 2, NULL, "is a file already");
}

static void bombs_are_refused(void **state UNUSED)
{
    const struct zip_limits few = {.entries = 1, .bytes = 100, .ratio = 100};
    const struct zip_limits flat = {.entries = 10, .bytes = 1 << 30, .ratio = 50};
    const struct member two[] = {{"a", AE_IFREG, "1"}, {"b", AE_IFREG, "2"}};
    const size_t size = 8 << 20;
    CLEANUP(free_ptr) char *zeros = malloc(size + 1);
    char large[200];

    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    assert_refused(two, 2, &few, "more than 1 entries");
    assert_refused((struct member[]){{"a", AE_IFREG, large}}, 1, &few, "more than 100 bytes");
    memset(zeros, '0', size);
    zeros[size] = '\0';
    assert_refused((struct member[]){{"a", AE_IFREG, zeros}}, 1, &flat, "bomb");
}

static void what_is_no_zip_is_refused(void **state UNUSED)
{
    CLEANUP(free_ptr) char *path = below("no.zip");
    CLEANUP(free_ptr) char *out = below("out");
    struct reason why = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(io_write_all(fd, "PK\3\4 not really", 15), 0);
    assert_int_equal(zip_extract(fd, out, &zip_limits_default, &why), ZIP_E_BAD);
    assert_true(why.text[0] != '\0');
    close(fd);
}

static void a_truncated_zip_is_refused(void **state UNUSED)
{
    const struct member members[] = {{"a", AE_IFREG, "some content here"}, {"b", AE_IFREG, "more"}};
    CLEANUP(free_ptr) char *out = below("out");
    CLEANUP(close_fd) int fd = zip_of(members, 2);
    struct reason why = {0};
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(zip_check(fd, &why), 0);
    for (off_t len = st.st_size - 1; len >= 0; len -= 7) {
        assert_int_equal(ftruncate(fd, len), 0);
        assert_int_equal(zip_check(fd, &why), ZIP_E_BAD);
        assert_int_equal(io_remove_tree(out), 0);
        assert_int_equal(mkdir(out, 0700), 0);
        assert_int_equal(zip_extract(fd, out, &zip_limits_default, &why), ZIP_E_BAD);
    }
}

static void one_file_is_read_within_its_bound(void **state UNUSED)
{
    const struct member members[] = {{"a.txt", AE_IFREG, "aaaa"}, {"d/b.txt", AE_IFREG, "bbbb"}};
    CLEANUP(close_fd) int fd = zip_of(members, 2);
    CLEANUP(buf_free) struct buf text = BUF_INIT(100);
    CLEANUP(buf_free) struct buf small = BUF_INIT(3);
    struct reason why = {0};

    assert_int_equal(zip_read_file(fd, "d/b.txt", &text, &why), 0);
    assert_string_equal(text.ptr, "bbbb");
    assert_int_equal(zip_read_file(fd, "none", &text, &why), ZIP_E_ABSENT);
    assert_int_equal(zip_read_file(fd, "a.txt", &small, &why), ZIP_E_BAD);
}

static void what_is_packed_can_be_unpacked(void **state UNUSED)
{
    const char *paths[] = {"d/x.txt"};
    CLEANUP(free_ptr) char *dir = below("d"), *file = below("d/x.txt"), *path = below("mine.zip");
    CLEANUP(buf_free) struct buf text = BUF_INIT(100);
    struct reason why = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_int_equal(io_mkdir(dir, 0700), 0);
    assert_int_equal(io_write_file_atomic(file, STR("content"), 0644), 0);
    assert_int_equal(zip_create(fd, folder, paths, 1, false, &why), 0);
    assert_int_equal(zip_read_file(fd, "d/x.txt", &text, &why), 0);
    assert_string_equal(text.ptr, "content");
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    buf_reset(&text);
    assert_int_equal(zip_create(fd, folder, paths, 1, true, &why), 0);
    assert_int_equal(zip_read_file(fd, "x.txt", &text, &why), 0);
    close(fd);
}

/* One that is not read at once: 200 KiB that cannot be packed tighter. */
static void a_larger_archive_is_unpacked(void **state UNUSED)
{
    enum { BYTES = 200000 };
    const char *paths[] = {"noise", "noise2"};
    CLEANUP(free_ptr) char *file = below("noise"), *again = below("noise2"), *path = below("large.zip");
    CLEANUP(free_ptr) char *out = below("larger"), *found = below("larger/noise2");
    CLEANUP(free_ptr) char *noise = malloc(BYTES);
    CLEANUP(buf_free) struct buf text = BUF_INIT(2 * BYTES);
    struct reason why = {0};
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    uint64_t seed = 1;

    for (size_t i = 0; i < BYTES; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        noise[i] = (char)(seed >> 56);
    }
    assert_int_equal(io_write_file_atomic(file, (struct str){noise, BYTES}, 0644), 0);
    assert_int_equal(io_write_file_atomic(again, (struct str){noise, BYTES}, 0644), 0);
    assert_int_equal(zip_create(fd, folder, paths, 2, false, &why), 0);
    assert_true(lseek(fd, 0, SEEK_END) > BYTES);
    assert_int_equal(io_mkdir(out, 0700), 0);
    assert_int_equal(zip_extract(fd, out, &zip_limits_default, &why), 0);
    assert_int_equal(io_read_file(found, &text), 0);
    assert_int_equal(text.len, BYTES);
    assert_memory_equal(text.ptr, noise, BYTES);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_folders_and_inner_links_are_unpacked),
        cmocka_unit_test(names_that_lead_out_are_refused),
        cmocka_unit_test(links_that_lead_out_are_refused),
        cmocka_unit_test(entries_given_twice_are_refused),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(what_is_no_zip_is_refused),
        cmocka_unit_test(a_truncated_zip_is_refused),
        cmocka_unit_test(one_file_is_read_within_its_bound),
        cmocka_unit_test(what_is_packed_can_be_unpacked),
        cmocka_unit_test(a_larger_archive_is_unpacked),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
