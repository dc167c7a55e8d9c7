/* Where rooms' folders lie. */
#include "base/io.h"
#include "workers/anchor/wing.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cmocka.h>

#define MANY 100

struct fixture {
    char work[64];
    struct wings *wings;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    snprintf(f->work, sizeof(f->work), "/tmp/slipway-test-wing-XXXXXX");
    assert_non_null(mkdtemp(f->work));
    assert_int_equal(wings_new(f->work, &f->wings), 0);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    int r;

    wings_free(&f->wings);
    r = rmdir(f->work); /* nothing is left in it */
    free(f);
    return r;
}

/* The length of the path of the folder that a plot lies in. */
static int above(const struct plot *plot)
{
    return (int)(strrchr(plot->folder, '/') - plot->folder);
}

static bool together(const struct plot *a, const struct plot *b)
{
    return above(a) == above(b) && strncmp(a->folder, b->folder, (size_t)above(a)) == 0;
}

static bool is_apart(const struct fixture *f, const struct plot *plot)
{
    return (size_t)above(plot) == strlen(f->work);
}

static void each_is_new_empty_and_its_owners_alone(void **state)
{
    struct fixture *f = *state;
    struct plot plots[MANY] = {{0}};
    size_t neighbours = 0;
    struct stat st;

    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(plot_make(f->wings, &plots[i]), 0);
        assert_int_equal(stat(plots[i].folder, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        assert_int_equal(stat(plots[i].source, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
        neighbours += i > 0 && together(&plots[i], &plots[i - 1]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(plots[i].folder, plots[j].folder);
    }
    assert_in_range(neighbours, MANY * 9 / 10, MANY - 2);
    for (size_t i = 0; i < MANY; i++)
        plot_clear(f->wings, &plots[(i * 37) % MANY], false);
}

static void leave(const char *folder, int count)
{
    for (int i = 0; i < count; i++) {
        char file[256];

        snprintf(file, sizeof(file), "%s/%d", folder, i);
        close(open(file, O_CREAT | O_WRONLY, 0600));
    }
}

static void after_one_that_left_many_files_they_lie_apart(void **state)
{
    struct fixture *f = *state;
    struct plot one = {0}, stays = {0}, next = {0}, other = {0};
    char folder[128];

    assert_int_equal(plot_make(f->wings, &stays), 0);
    assert_int_equal(plot_make(f->wings, &one), 0);
    assert_true(together(&one, &stays));
    snprintf(folder, sizeof(folder), "%s", one.folder);
    leave(one.source, MANY);
    leave(one.folder, MANY);
    plot_clear(f->wings, &one, false);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(plot_make(f->wings, &next), 0);
    assert_true(is_apart(f, &next));
    plot_clear(f->wings, &next, false); /* it left nothing */
    assert_int_equal(plot_make(f->wings, &next), 0);
    assert_int_equal(plot_make(f->wings, &other), 0);
    assert_false(is_apart(f, &next));
    assert_false(together(&next, &stays)); /* files were removed there */
    assert_true(together(&next, &other));
    assert_int_equal(access(stays.source, F_OK), 0);
    plot_clear(f->wings, &stays, false);
    plot_clear(f->wings, &next, false);
    plot_clear(f->wings, &other, false);
}

static void a_wing_takes_few_files(void **state)
{
    struct fixture *f = *state;
    struct plot first = {0};
    int together_with_first = 0;

    assert_int_equal(plot_make(f->wings, &first), 0);
    for (int i = 0; i < 100; i++) {
        struct plot next = {0};

        assert_int_equal(plot_make(f->wings, &next), 0);
        together_with_first += together(&first, &next);
        leave(next.source, 10);
        plot_clear(f->wings, &next, i % 2);
    }
    assert_in_range(together_with_first, 20, 60);
    plot_clear(f->wings, &first, false);
}

/* Builds without a sandbox see their neighbours' places. */
static void what_builds_put_beside_them_is_passed_over_and_removed(void **state)
{
    struct fixture *f = *state;
    struct plot plots[MANY] = {{0}};
    char taken[256], wing[128];

    assert_int_equal(plot_make(f->wings, &plots[0]), 0);
    snprintf(wing, sizeof(wing), "%.*s", above(&plots[0]), plots[0].folder);
    for (int i = 0; i < 20; i++) {
        snprintf(taken, sizeof(taken), "%s/build-%d", wing, i);
        assert_true(mkdir(taken, 0700) == 0 || errno == EEXIST);
        snprintf(taken, sizeof(taken), "%s/wing-%d", f->work, i + 20);
        assert_int_equal(mkdir(taken, 0700), 0);
    }
    leave(wing, 3);
    for (size_t i = 1; i < MANY; i++)
        assert_int_equal(plot_make(f->wings, &plots[i]), 0);
    for (size_t i = 0; i < MANY; i++)
        plot_clear(f->wings, &plots[i], false);
    assert_int_equal(access(wing, F_OK), -1);
    for (int i = 0; i < 20; i++) {
        snprintf(taken, sizeof(taken), "%s/wing-%d", f->work, i + 20);
        assert_int_equal(rmdir(taken), 0);
    }
}

static ino_t inode(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

static size_t entries(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    size_t count = 0;

    assert_non_null(folder);
    while ((entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    closedir(folder);
    return count;
}

static void one_that_nobody_is_in_is_another_ones_under_another_name(void **state)
{
    struct fixture *f = *state;
    struct plot plot = {0};
    char folder[128], below[128];
    ino_t had[2];

    assert_int_equal(plot_make(f->wings, &plot), 0);
    had[0] = inode(plot.folder);
    had[1] = inode(plot.source);
    snprintf(folder, sizeof(folder), "%s", plot.folder);
    leave(plot.source, 3);
    leave(plot.folder, 2);
    snprintf(below, sizeof(below), "%s/.hidden", plot.source);
    assert_int_equal(mkdir(below, 0), 0);
    plot_clear(f->wings, &plot, true);
    assert_null(plot.folder);
    assert_int_equal(access(folder, F_OK), -1);
    assert_int_equal(plot_make(f->wings, &plot), 0);
    assert_string_not_equal(plot.folder, folder);
    assert_true(inode(plot.folder) == had[0] && inode(plot.source) == had[1]);
    assert_int_equal(entries(plot.folder), 1);
    assert_int_equal(entries(plot.source), 0);
    snprintf(below, sizeof(below), "%s/.hidden", plot.source);
    assert_int_equal(access(below, F_OK), -1);
    plot_clear(f->wings, &plot, true);
    wings_rest(f->wings);
    assert_int_equal(entries(f->work), 1); /* the wing */
}

static void source_open(const struct plot *plot)
{
    assert_int_equal(chmod(plot->source, 0755), 0);
}

static void folder_closed(const struct plot *plot)
{
    assert_int_equal(chmod(plot->folder, 0500), 0);
}

static void source_elsewhere(const struct plot *plot)
{
    assert_int_equal(rmdir(plot->source), 0);
    assert_int_equal(symlink("/tmp", plot->source), 0);
}

static void source_gone(const struct plot *plot)
{
    assert_int_equal(rmdir(plot->source), 0);
}

static void source_large(const struct plot *plot)
{
    leave(plot->source, 2 * MANY * MANY / 10);
    for (int i = 0; i < 2 * MANY * MANY / 10; i++) {
        char file[256];

        snprintf(file, sizeof(file), "%s/%d", plot->source, i);
        assert_int_equal(unlink(file), 0);
    }
}

static void many_files(const struct plot *plot)
{
    leave(plot->source, MANY);
}

static void source_named(const struct plot *plot)
{
    if (setxattr(plot->source, "user.slipway", "x", 1, 0)) /* this disk has none */
        assert_int_equal(chmod(plot->source, 0770), 0);
}

static void one_that_is_not_as_it_was_is_not_used_again(void **state)
{
    static void (*const changes[])(const struct plot *) = {
        source_open, folder_closed, source_elsewhere, source_gone, source_large, many_files, source_named,
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct plot plot = {0}, stays = {0};
        char folder[128];

        assert_int_equal(plot_make(f->wings, &plot), 0);
        changes[i](&plot);
        assert_int_equal(plot_make(f->wings, &stays), 0);
        assert_true(together(&plot, &stays));
        plot_clear(f->wings, &plot, true);
        snprintf(folder, sizeof(folder), "%.*s", above(&stays), stays.folder);
        assert_int_equal(entries(folder), 1); /* none waits to be used again */
        plot_clear(f->wings, &stays, false);
    }
}

static void what_cannot_be_made_is_told(void **state)
{
    struct fixture *f = *state;
    struct plot plot = {0};

    assert_int_equal(rmdir(f->work), 0);
    assert_int_equal(plot_make(f->wings, &plot), -ENOENT);
    plot_clear(f->wings, &plot, false);
    assert_int_equal(mkdir(f->work, 0700), 0);
    assert_int_equal(plot_make(f->wings, &plot), 0);
    plot_clear(f->wings, &plot, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_new_empty_and_its_owners_alone),
        TEST(after_one_that_left_many_files_they_lie_apart),
        TEST(a_wing_takes_few_files),
        TEST(what_builds_put_beside_them_is_passed_over_and_removed),
        TEST(one_that_nobody_is_in_is_another_ones_under_another_name),
        TEST(one_that_is_not_as_it_was_is_not_used_again),
        TEST(what_cannot_be_made_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
