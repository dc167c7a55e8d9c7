/* Zip archives: reading what strangers made, and making our own (libarchive, zip only).
 *
 * Extraction never leaves its folder: it refuses `..`, absolute names, links that point out, names given
 * twice, anything but files, folders and links, and archives that grow beyond their limits. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/reason.h"

struct zip_limits {
    int64_t entries;
    int64_t bytes; /* of all files together, unpacked */
    int64_t ratio; /* unpacked to packed, once more than 1 MiB is unpacked */
};

extern const struct zip_limits zip_limits_default;

enum zip_outcome {
    ZIP_E_BAD = 1,    /* refused: why says what and where */
    ZIP_E_ABSENT = 2, /* no entry of that name */
};

/* Reads the archive's directory alone. ZIP_E_BAD. The descriptor's position changes. */
int zip_check(int fd, struct reason *why) MUST_USE;
/* Unpacks into `dir`, which exists and is empty. On failure some files may be left in it. */
int zip_extract(int fd, const char *dir, const struct zip_limits *limits, struct reason *why) MUST_USE;
/* Appends one entry's bytes (at most ret->max). ZIP_E_BAD, ZIP_E_ABSENT. */
int zip_read_file(int fd, const char *name, struct buf *ret, struct reason *why) MUST_USE;
/* Packs `count` files (paths below `dir`, which keep their mode) into the empty file `fd`; with `flat` they
 * lose their folders. ZIP_E_BAD. */
int zip_create(int fd, const char *dir, const char *const *paths, size_t count, bool flat,
               struct reason *why) MUST_USE;
/* Packs one file made of these bytes. */
int zip_create_one(int fd, const char *name, struct str content, struct reason *why) MUST_USE;
