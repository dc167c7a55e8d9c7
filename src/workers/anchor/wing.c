/* See wing.h. */
#include "workers/anchor/wing.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define WING_PLOTS 32   /* more of them cost no less */
#define WING_REMOVED 64 /* files and folders; with more, the next are made as slowly as apart */
#define MANY_REMOVED 16 /* of one plot */

struct wing {
    char *folder;
    unsigned plots; /* that are in it */
    size_t removed; /* with those that were */
};

struct wings {
    const char *work_dir;
    pthread_mutex_t lock; /* guards all that follows */
    struct wing *open;    /* where the next is made; NULL: in a new one, or in none */
    unsigned left;        /* plots in `open` */
    bool apart;           /* the last build left many files */
    unsigned long long named;
};

static void wing_free(struct wing *wing)
{
    if (rmdir(wing->folder))
        log_warn("anchor", "%s cannot be removed", wing->folder);
    free(wing->folder);
    free(wing);
}

/* Called with the lock, as those that follow: no more are made there. */
static void wing_close(struct wings *wings)
{
    struct wing *wing = take(wings->open);

    if (wing && wing->plots == 0)
        wing_free(wing);
}

static int wing_open(struct wings *wings)
{
    struct wing *wing = mem_alloc(sizeof(*wing));

    if (!wing || asprintf(&wing->folder, "%s/wing-%llu", wings->work_dir, wings->named++) < 0) {
        free(wing);
        return FAULT(ENOMEM);
    }
    if (mkdir(wing->folder, 0700)) {
        free(wing->folder);
        free(wing);
        return FAULT(errno);
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

static void wing_leave(struct wings *wings, struct wing *wing, size_t removed)
{
    wing->removed += removed;
    wing->plots--;
    if (wing != wings->open) {
        if (wing->plots == 0)
            wing_free(wing);
    } else if (wing->removed >= WING_REMOVED)
        wing_close(wings);
}

int plot_make(struct wings *wings, struct plot *ret)
{
    unsigned long long number;
    int r;

    pthread_mutex_lock(&wings->lock);
    r = wing_enter(wings, &ret->wing);
    number = wings->named++;
    pthread_mutex_unlock(&wings->lock);
    if (r)
        return r;
    if (asprintf(&ret->folder, "%s/build-%llu", ret->wing ? ret->wing->folder : wings->work_dir, number) < 0)
        return FAULT(ENOMEM);
    if (asprintf(&ret->source, "%s/src", ret->folder) < 0)
        return FAULT(ENOMEM);
    return mkdir(ret->folder, 0700) || mkdir(ret->source, 0700) ? FAULT(errno) : 0;
}

void plot_clear(struct wings *wings, struct plot *plot)
{
    size_t removed = 0;

    if (plot->source && io_remove_tree_count(plot->folder, &removed))
        log_warn("anchor", "%s cannot be removed", plot->folder);
    pthread_mutex_lock(&wings->lock);
    wings->apart = removed > MANY_REMOVED;
    if (wings->apart)
        wing_close(wings);
    if (plot->wing)
        wing_leave(wings, plot->wing, removed);
    pthread_mutex_unlock(&wings->lock);
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
    if (!*wings)
        return;
    wing_close(*wings);
    pthread_mutex_destroy(&(*wings)->lock);
    free(*wings);
    *wings = NULL;
}
