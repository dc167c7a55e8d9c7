/* Where rooms' folders are made. Folders of one wing lie beside one another on the disk, which makes them and
 * their removal cheap. But a disk is slow for a while to make files where many were removed
 * (io_spread_folders): a wing is for so many files only, and after a build that left many the folders lie
 * apart. Folders that are as they were made, once they are empty, are a next room's under another name: to
 * make and remove them costs more than all else of a short build. */
#pragma once

#include "base/base.h"

struct wings;
struct wing;

/* A room's folders; no other room's have ever had their names. */
struct plot {
    char *folder;
    char *source; /* `src` in it */
    struct wing *wing;
};

/* `work_dir` outlives it; it may have other folders, also of these names: builds can make some. */
int wings_new(const char *work_dir, struct wings **ret) MUST_USE;
/* After all plots. */
void wings_free(struct wings **wings);
/* Any thread may; so with plot_clear, which takes what plot_make has filled in, also in part. */
int plot_make(struct wings *wings, struct plot *ret) MUST_USE;
/* `again`: no process is in it any more, it may be another's. */
void plot_clear(struct wings *wings, struct plot *plot, bool again);
/* None will be made for some time: those that wait to be used again are removed. */
void wings_rest(struct wings *wings);
