/* Blobs that are lists: their bytes are those of other blobs, one behind another. What a multipart upload
 * becomes, so that completing it writes no bytes: each part's blob stays what it is, and the reference that
 * the part had is the list's.
 *
 * A list has a row in s3_blob, with neither file nor data, and one in s3_blob_part for each of its blobs,
 * which are no lists themselves. All are sealed or none is. When its last reference goes it is only noted
 * (s3_doomed_list): the keeper takes it apart afterwards, a few blobs in a transaction. So a list that is
 * being read is held in memory (list_open), and no files of it go until it is let go of. */
#pragma once

#include "services/s3/blob.h"

#define LIST_TAKEN_APART_AT_ONCE 200

struct list_entry {
    int64_t blob; /* a reference to it is the list's from then on */
    int64_t size;
};

struct list_new {
    const struct list_entry *entries;
    size_t count;
    int64_t size; /* of all */
    const char *sha256;
    bool sealed;
};

/* Makes it a blob called `id`, or a reference to one with the same bytes, *ret_known: then the entries'
 * references stay the caller's. */
int list_store(struct tx *tx, const struct list_new *new, int64_t id, int64_t *ret, bool *ret_known) MUST_USE;
/* Whether none of its blobs is known to be damaged. S3_E_DAMAGED. */
int list_check(struct tx *tx, int64_t id) MUST_USE;
/* After its last reference has gone. */
int list_doom(struct tx *tx, int64_t id) MUST_USE;
/* Gives what the list has to another row, which is doomed: the list is to be something else. */
int list_empty(struct tx *tx, int64_t id) MUST_USE;

/* Takes a doomed list apart, or some of it. *ret_more: there is more to do; those that are read are not
 * counted: BLOB_TOPIC is signalled when that is over. */
int lists_take_apart(const struct platform *platform, bool *ret_more) MUST_USE;

/* ---- reading */

struct blob_list;
/* Holds it, also when it is gone already, which list_prepare tells. -ENOENT: it is being taken apart. */
int list_open(const struct platform *platform, int64_t id, struct blob_list **ret) MUST_USE;
void list_free(struct blob_list **list); /* CLEANUP-able */
/* Finds the blobs that have that range, and whether each is what was put. No transaction may be open.
 * S3_E_DAMAGED; -ENOENT: the list, or a file, has gone meanwhile. */
int list_prepare(struct blob_list *list, int64_t offset, int64_t len) MUST_USE;
/* The blob that has the byte at `offset`, of the range that was prepared, and where it has it; it is the
 * list's, until the next call. */
int list_at(struct blob_list *list, int64_t offset, struct blob_source **ret, int64_t *ret_offset) MUST_USE;

/* Nobody may open the list until it is released. False: somebody reads it, and BLOB_TOPIC is signalled when
 * nobody does any more. */
struct list_seizure {
    const struct platform *platform;
    int64_t id;
    struct list_seizure *next;
};
bool list_seize(struct list_seizure *seizure);
void list_release(struct list_seizure *seizure);
