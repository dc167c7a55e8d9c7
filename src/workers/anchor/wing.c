/* See wing.h. */
#include "workers/anchor/wing.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WING_PLOTS 32    /* more of them cost no less */
#define WING_REMOVED 64  /* files and folders; with more, the next are made as slowly as apart */
#define MANY_REMOVED 16  /* of one plot */
#define NAMES_TRIED 1000 /* builds may have made folders of these names */

struct wing {
    char *folder;
    unsigned plots;    /* that are in it */
    size_t removed;    /* with those that were */
    struct wing *next; /* of those to be removed */
};

struct wings {
    const char *work_dir;
    _Atomic unsigned long long named;
    pthread_mutex_t lock; /* guards all that follows */
    struct wing *open;    /* where the next is made; NULL: in a new one, or in none */
    unsigned left;        /* plots in `open` */
    bool apart;           /* the last build left many files */
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

static int folder_make(struct wings *wings, const char *parent, const char *kind, char **ret)
{
    for (int i = 0; i < NAMES_TRIED; i++) {
        CLEANUP(free_ptr) char *path = NULL;

        if (asprintf(&path, "%s/%s-%llu", parent, kind, wings->named++) < 0)
            return FAULT(ENOMEM);
        if (mkdir(path, 0700) == 0) {
            *ret = take(path);
            return 0;
        }
        if (errno != EEXIST)
            return FAULT(errno);
    }
    return FAULT(EEXIST);
}

/* ---- called with the lock; what is to be removed then is put before `gone` */

static void put(struct wing **gone, struct wing *wing)
{
    wing->next = *gone;
    *gone = wing;
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
    int r = wing ? folder_make(wings, wings->work_dir, "wing", &wing->folder) : FAULT(ENOMEM);

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
    } else if (wing->removed >= WING_REMOVED)
        wing_close(wings, gone);
}

/* ---- for all */

int plot_make(struct wings *wings, struct plot *ret)
{
    int r;

    pthread_mutex_lock(&wings->lock);
    r = wing_enter(wings, &ret->wing);
    pthread_mutex_unlock(&wings->lock);
    if (r == 0)
        r = folder_make(wings, ret->wing ? ret->wing->folder : wings->work_dir, "build", &ret->folder);
    if (r)
        return r;
    if (asprintf(&ret->source, "%s/src", ret->folder) < 0)
        return FAULT(ENOMEM);
    return mkdir(ret->source, 0700) ? FAULT(errno) : 0;
}

void plot_clear(struct wings *wings, struct plot *plot)
{
    struct wing *gone = NULL;
    size_t removed = 0;

    if (plot->folder && io_remove_tree_count(plot->folder, &removed))
        log_warn("anchor", "%s cannot be removed", plot->folder);
    pthread_mutex_lock(&wings->lock);
    wings->apart = removed > MANY_REMOVED;
    if (wings->apart)
        wing_close(wings, &gone);
    if (plot->wing)
        wing_leave(wings, plot->wing, removed, &gone);
    pthread_mutex_unlock(&wings->lock);
    wings_remove(gone);
    free(plot->folder);
    free(plot->source);
    *plot = (struct plot){0};
}

int wings_new(const char *work_dir, struct wings **ret)
{
    struct wings *wings = mem_alloc(sizeof(*wings));

    if (!wings)
        return FAULT(ENOMEM);
    wings->work_dir = work_dir;
    pthread_mutex_init(&wings->lock, NULL);
    *ret = wings;
    return 0;
}

void wings_free(struct wings **wings)
{
    struct wing *gone = NULL;

    if (!*wings)
        return;
    wing_close(*wings, &gone);
    wings_remove(gone);
    pthread_mutex_destroy(&(*wings)->lock);
    free(*wings);
    *wings = NULL;
}
