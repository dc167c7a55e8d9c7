/* The bytes of objects, apart from their names: shared by reference, counted inside transactions.
 *
 * Up to BLOB_INLINE_MAX bytes live in the database, so that one group commit makes them durable; larger ones
 * are files. A file is written as DATA/blobs/incoming/NAME, synced with its folder, then its row is
 * committed, and only then is it moved to DATA/blobs/NN/NAME (without a sync). So incoming/ holds nothing but
 * uploads under way and files not yet moved: the sweep at start looks at these alone. A row whose last
 * reference goes leaves its file's name in s3_doomed in the same transaction; a background thread unlinks it.
 *
 * Files are content-addressed: an upload whose bytes are there already becomes another reference to them, and
 * its file is dropped. One whose bytes are there but damaged puts its file in the damaged one's place. Bytes
 * in the database are not looked up: an index over digests would cost each put more than the copy does.
 *
 * A blob may also be a list of others (blob_list.h). */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/io.h"
#include "db/db.h"
#include "services/s3/seal.h"
#include <limits.h>

struct platform;
struct reason;

#define BLOB_INLINE_MAX 65536 /* measured: twice to thrice the puts per second of a file each */
#define BLOB_NAME_SIZE 33
#define BLOB_STORED_MAX (BLOB_INLINE_MAX + CIPHER_TAG_SIZE) /* of the database, when sealed */
#define BLOB_TOPIC "s3:doomed"

struct blob_list;

/* Adds or drops a reference. Dropping the last removes the bytes. */
int blob_ref(struct tx *tx, int64_t id) MUST_USE;
int blob_unref(struct tx *tx, int64_t id) MUST_USE;

/* What a blob's row says of it, and how that is read: BLOB_COLUMNS from `first` on. */
struct blob_row {
    int64_t id; /* blob_find's */
    int64_t size;
    char sha256[HASH_HEX_SIZE];
    char file[BLOB_NAME_SIZE]; /* empty: the bytes are in the database, or it is a list */
    bool damaged;
    struct seal_row seal;
    int64_t parts; /* of a list; 0: it is none */
};
#define BLOB_COLUMNS_COUNT 8
#define BLOB_COLUMNS "size, sha256, file, damaged_ms, seal_key, seal, seal_crc, parts"
void blob_row_read(struct rows *rows, int first, struct blob_row *ret);
int64_t blob_stored_size(const struct blob_row *row); /* of its file, or its data */

/* What to read: a list, a file, or bytes in `data` when fd is -1. */
struct blob_source {
    int fd;
    struct buf data;
    int64_t size;
    struct opener *opener; /* of a sealed file; NULL: the file has the bytes themselves */
    struct blob_list *list;
};
#define BLOB_SOURCE_NONE ((struct blob_source){.fd = -1})

/* Opens a blob's bytes. S3_E_DAMAGED: they are not what was put; -ENOENT: it was removed after the
 * transaction's snapshot, look again; -ENOKEY: they are sealed under a key that the server does not have. */
int blob_open(struct tx *tx, const struct platform *platform, int64_t id, struct blob_source *ret) MUST_USE;
/* The same in two steps, so that no file is opened within the transaction: the row, and what it has of the
 * bytes; then the rest. */
int blob_find(struct tx *tx, int64_t id, struct blob_row *ret_row, struct blob_source *ret) MUST_USE;
int blob_open_found(const struct platform *platform, const struct blob_row *row,
                    struct blob_source *ret) MUST_USE;
/* Before bytes of a list are read, when no transaction is open any more: list_prepare. 0 for any other. */
int blob_prepare(struct blob_source *source, int64_t offset, int64_t len) MUST_USE;
/* Whether its bytes may be given another name, within a write transaction. S3_E_DAMAGED. */
int blob_check(struct tx *tx, const struct platform *platform, int64_t id) MUST_USE;
/* blob_open of a row that was read before, of no list, without a transaction; for bytes of the database
 * ret->data has what the row has. S3_E_DAMAGED and why (which may be NULL), and what the system says of a
 * file. */
int blob_open_row(const struct platform *platform, const struct blob_row *row, struct blob_source *ret,
                  struct reason *why) MUST_USE;
void blob_source_deinit(struct blob_source *source); /* CLEANUP-able */
/* The bytes at `offset`, as many as are at hand and at least one before the end, until the next call. Of a
 * sealed file or `data` only, no list. S3_E_DAMAGED, -EIO. */
int blob_look(struct blob_source *source, int64_t offset, struct str *ret) MUST_USE;
/* Gives a range's bytes piece by piece, in order; what `give` returns other than 0 ends it. -EIO: the blob is
 * shorter; S3_E_DAMAGED.
 */
int blob_each(struct blob_source *source, int64_t offset, int64_t len,
              int (*give)(void *ctx, const void *bytes, size_t len), void *ctx) MUST_USE;

/* Files by name, wherever they are: the folder of their place; where they come in; their descriptor; into
 * place after a commit; away. */
int blob_settled_folder(const struct platform *platform, const char *name, char ret[PATH_MAX]) MUST_USE;
int blob_incoming_path(const struct platform *platform, const char *name, char ret[PATH_MAX]) MUST_USE;
int blob_open_file(const struct platform *platform, const char *name) MUST_USE;
int blob_settle_file(const struct platform *platform, const char *name) MUST_USE;
int blob_remove_file(const struct platform *platform, const char *name) MUST_USE;

/* At start: folders, what an unclean stop left in incoming/, and the thread that unlinks. */
struct blob_keeper;
int blob_keeper_start(const struct platform *platform, struct blob_keeper **ret) MUST_USE;
void blob_keeper_stop(struct blob_keeper **keeper);
