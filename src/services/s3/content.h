/* Equal bytes are kept once: which blob has them, whether that is a file or a list (blob_list.h). */
#pragma once

#include "db/db.h"

struct content {
    const char *sha256; /* in hex */
    int64_t size;
    bool sealed; /* sealed bytes are shared with sealed ones, plain with plain */
};

struct content_found {
    int64_t id;
    bool damaged; /* known to be */
};

/* DB_NONE; *ret is untouched then. Bytes in the database are not looked up. */
int content_find(struct tx *tx, const struct content *content, struct content_found *ret) MUST_USE;
/* What a damaged blob has goes, its row stays for what takes its place. */
int content_discard(struct tx *tx, int64_t id) MUST_USE;
