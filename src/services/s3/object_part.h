/* The parts that a multipart object was made of, kept with its version: a read may ask for one of them. */
#pragma once

#include "services/s3/object.h"

struct object_part {
    int64_t number;
    int64_t start; /* within the object */
    int64_t size;
    char checksum[CHECKSUM_TEXT_SIZE]; /* empty: none was kept */
};

/* `sequence` is the version's. */
int object_part_add(struct tx *tx, int64_t sequence, const struct object_part *part) MUST_USE;
/* DB_NONE: the object has no part of that number. */
int object_part_find(struct tx *tx, int64_t sequence, int64_t number, struct object_part *ret) MUST_USE;
/* Those after the number, in order: object_part_next gives one, or DB_NONE. */
int object_part_list(struct tx *tx, int64_t sequence, int64_t after, int64_t max, struct rows **ret) MUST_USE;
int object_part_next(struct rows *rows, struct object_part *ret) MUST_USE;
int object_part_remove_all(struct tx *tx, int64_t sequence) MUST_USE;
