/* See wing.h. */
#include "workers/anchor/wing.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WING_PLOTS 32    /* more of them cost no less */
#define WING_REMOVED 512 /* files and folders; with more, the next are made as slowly as in another wing */
#define MANY_REMOVED 16  /* of one plot */
#define NAMES_TRIED 1000 /* builds may have made folders of these names */
#define SPARE_MOST 64
#define SMALL_BYTES 4096 /* a folder that has had many entries stays larger */
/* What chattr(1) and fscrypt(8) set on a folder. */
#define FLAGS_SET (FS_FL_USER_MODIFIABLE | FS_CASEFOLD_FL | FS_PROJINHERIT_FL | FS_ENCRYPT_FL)

struct wing {
    char *folder;
    unsigned plots;    /* that are in it */
    size_t removed;    /* with those that were */
    struct wing *next; /* of those to be removed */
};

struct wings {
    const char *work_dir;
    dev_t disk; /* 0: not known */
    uid_t owner;
    _Atomic unsigned long long named;
    pthread_mutex_t lock;          /* guards all that follows */
    struct wing *open;             /* where the next is made; NULL: in a new one, or in none */
    unsigned left;                 /* plots in `open` */
    bool apart;                    /* the last build left many files */
    struct plot spare[SPARE_MOST]; /* empty, to be used again */
    size_t spare_count;
};

/* With whatever builds have put beside their plots. */
static void wings_remove(struct wing *list)
{
    while (list) {
        struct wing *wing = list;

        list = wing->next;
        if (io_remove_tree(wing->folder))
            log_warn("anchor", "%s cannot be removed", wing->folder);
        free(wing->folder);
        free(wing);
    }
}

/* Under a name that was not given before: made, or `from`, which loses its own. */
static int folder_name(struct wings *wings, const char *parent, const char *kind, const char *from,
                       char **ret)
{
    for (int i = 0; i < NAMES_TRIED; i++) {
        CLEANUP(free_ptr) char *path = NULL;

        if (asprintf(&path, "%s/%s-%llu", parent, kind, wings->named++) < 0)
            return FAULT(ENOMEM);
        if ((from ? renameat2(AT_FDCWD, from, AT_FDCWD, path, RENAME_NOREPLACE) : mkdir(path, 0700)) == 0) {
            *ret = take(path);
            return 0;
        }
        if (errno != EEXIST)
            return FAULT(errno);
    }
    return FAULT(EEXIST);
}

static int source_name(struct plot *plot)
{
    char *source = NULL;

    if (asprintf(&source, "%s/src", plot->folder) < 0)
        return FAULT(ENOMEM);
    free(plot->source);
    plot->source = source;
    return 0;
}

/* ---- used again */

static int folder_open(int parent, const char *path)
{
    return openat(parent, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* What does not change with its entries. */
static bool is_as_made(const struct wings *wings, int folder)
{
    struct stat st;
    int flags = 0;

    return fstat(folder, &st) == 0 && (st.st_mode & 07777) == 0700 && st.st_uid == wings->owner &&
           st.st_dev == wings->disk && st.st_size <= SMALL_BYTES && flistxattr(folder, NULL, 0) <= 0 &&
           (ioctl(folder, FS_IOC_GETFLAGS, &flags) || (flags & FLAGS_SET) == 0);
}

/* False: it is to be removed, of which *count have been. */
static bool plot_empty(const struct wings *wings, const struct plot *plot, size_t *count)
{
    CLEANUP(close_fd) int folder = folder_open(AT_FDCWD, plot->folder);
    CLEANUP(close_fd) int source = folder < 0 ? -1 : folder_open(folder, "src");

    return source >= 0 && is_as_made(wings, folder) && is_as_made(wings, source) &&
           io_empty_folder(folder, "src", count) == 0 && io_empty_folder(source, NULL, count) == 0;
}

static bool plot_rename(struct wings *wings, struct plot *plot)
{
    char *folder = NULL;

    if (folder_name(wings, plot->wing->folder, "build", plot->folder, &folder))
        return false;
    free(plot->folder);
    plot->folder = folder;
    return source_name(plot) == 0;
}

/* ---- called with the lock; what is to be removed then is put before `gone` */

static void put(struct wing **gone, struct wing *wing)
{
    wing->next = *gone;
    *gone = wing;
}

static bool is_full(const struct wing *wing)
{
    return wing->removed >= WING_REMOVED;
}

/* No more are made there. */
static void wing_close(struct wings *wings, struct wing **gone)
{
    struct wing *wing = take(wings->open);

    if (wing && wing->plots == 0)
        put(gone, wing);
}

static int wing_open(struct wings *wings)
{
    struct wing *wing = mem_alloc(sizeof(*wing));
    int r = wing ? folder_name(wings, wings->work_dir, "wing", NULL, &wing->folder) : FAULT(ENOMEM);

    if (r) {
        free(wing);
        return r;
    }
    wings->open = wing;
    wings->left = WING_PLOTS;
    return 0;
}

static int wing_enter(struct wings *wings, struct wing **ret)
{
    int r = wings->apart || wings->open ? 0 : wing_open(wings);

    if (r || wings->apart)
        return r;
    *ret = wings->open;
    wings->open->plots++;
    if (--wings->left == 0)
        wings->open = NULL; /* its plots have it */
    return 0;
}

static void wing_leave(struct wings *wings, struct wing *wing, size_t removed, struct wing **gone)
{
    wing->removed += removed;
    wing->plots--;
    if (wing != wings->open) {
        if (wing->plots == 0)
            put(gone, wing);
    } else if (is_full(wing))
        wing_close(wings, gone);
}

/* `full`: of a wing that is, alone. */
static bool spare_take(struct wings *wings, bool full, struct plot *ret)
{
    for (size_t i = wings->spare_count; i-- > 0;) {
        if (full && !is_full(wings->spare[i].wing))
            continue;
        *ret = wings->spare[i];
        wings->spare[i] = wings->spare[--wings->spare_count];
        return true;
    }
    return false;
}

static bool spare_put(struct wings *wings, struct plot *plot, size_t removed)
{
    if (removed > MANY_REMOVED || plot->wing->removed + removed >= WING_REMOVED ||
        wings->spare_count == SPARE_MOST)
        return false;
    plot->wing->removed += removed;
    wings->apart = false;
    wings->spare[wings->spare_count++] = *plot;
    return true;
}

/* ---- for all */

static int plot_new(struct wings *wings, struct plot *ret)
{
    int r;

    pthread_mutex_lock(&wings->lock);
    r = wing_enter(wings, &ret->wing);
    pthread_mutex_unlock(&wings->lock);
    if (r == 0)
        r = folder_name(wings, ret->wing ? ret->wing->folder : wings->work_dir, "build", NULL, &ret->folder);
    if (r == 0)
        r = source_name(ret);
    if (r)
        return r;
    return mkdir(ret->source, 0700) ? FAULT(errno) : 0;
}

int plot_make(struct wings *wings, struct plot *ret)
{
    bool found;

    pthread_mutex_lock(&wings->lock);
    found = spare_take(wings, false, ret);
    pthread_mutex_unlock(&wings->lock);
    return found ? 0 : plot_new(wings, ret);
}

/* `built`: a build was there. */
static void plot_remove(struct wings *wings, struct plot *plot, size_t removed, bool built)
{
    struct wing *gone = NULL;

    if (plot->folder && io_remove_tree_count(plot->folder, &removed))
        log_warn("anchor", "%s cannot be removed", plot->folder);
    pthread_mutex_lock(&wings->lock);
    if (built)
        wings->apart = removed > MANY_REMOVED;
    if (built && wings->apart)
        wing_close(wings, &gone);
    if (plot->wing)
        wing_leave(wings, plot->wing, removed, &gone);
    pthread_mutex_unlock(&wings->lock);
    wings_remove(gone);
    free(plot->folder);
    free(plot->source);
    *plot = (struct plot){0};
}

static void spares_remove(struct wings *wings, bool full)
{
    for (;;) {
        struct plot spare;
        bool found;

        pthread_mutex_lock(&wings->lock);
        found = spare_take(wings, full, &spare);
        pthread_mutex_unlock(&wings->lock);
        if (!found)
            return;
        plot_remove(wings, &spare, 0, false);
    }
}

/* False: it is to be removed, of which *removed have been. */
static bool plot_keep(struct wings *wings, struct plot *plot, size_t *removed)
{
    bool kept;

    if (!plot->wing || !plot_empty(wings, plot, removed) || !plot_rename(wings, plot))
        return false;
    pthread_mutex_lock(&wings->lock);
    kept = spare_put(wings, plot, *removed);
    pthread_mutex_unlock(&wings->lock);
    return kept;
}

void plot_clear(struct wings *wings, struct plot *plot, bool again)
{
    size_t removed = 0;

    if (again && plot_keep(wings, plot, &removed))
        *plot = (struct plot){0};
    else
        plot_remove(wings, plot, removed, true);
    spares_remove(wings, true);
}

void wings_rest(struct wings *wings)
{
    spares_remove(wings, false);
}

int wings_new(const char *work_dir, struct wings **ret)
{
    struct wings *wings = mem_alloc(sizeof(*wings));
    struct stat st;

    if (!wings)
        return FAULT(ENOMEM);
    wings->work_dir = work_dir;
    if (stat(work_dir, &st) == 0) {
        wings->disk = st.st_dev;
        wings->owner = st.st_uid;
    }
    pthread_mutex_init(&wings->lock, NULL);
    *ret = wings;
    return 0;
}

void wings_free(struct wings **wings)
{
    struct wing *gone = NULL;

    if (!*wings)
        return;
    wings_rest(*wings);
    wing_close(*wings, &gone);
    wings_remove(gone);
    pthread_mutex_destroy(&(*wings)->lock);
    free(*wings);
    *wings = NULL;
}
