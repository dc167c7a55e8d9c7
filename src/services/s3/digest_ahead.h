/* The digest of a multipart upload's bytes, computed while its parts come in: a thread reads each part that
 * follows on those it has read, out of the memory that it has just been written through. A completion takes
 * what there is and reads the rest. In memory alone, and for UPLOADS_MAX uploads: without it a completion
 * takes longer, and that is all. */
#pragma once

#include "services/s3/multipart.h"

#define UPLOADS_MAX 64 /* the one that has got no part for the longest gives way */

/* Of the parts 1 to `count`, as they were when they had these blobs. */
struct digest {
    struct hash *sha256;
    struct checksum checksum; /* of the whole, where the upload asks for one */
    int64_t *blobs;
    size_t count;
    size_t room;
};

/* Of nothing yet. */
int digest_init(const struct multipart *multipart, struct digest *ret) MUST_USE;
void digest_update(struct digest *digest, const void *bytes, size_t len);
void digest_deinit(struct digest *digest); /* CLEANUP-able */

/* A part has come, and its transaction is committed. */
void ahead_note(const struct platform *platform, const struct multipart *multipart);
/* Hands over what has been computed; waits for the part that is being read. False: nothing. */
bool ahead_take(const char *upload_id, struct digest *ret);
/* Of how many parts it has been computed. */
size_t ahead_look(const char *upload_id);

struct ahead;
int ahead_start(const struct platform *platform, struct ahead **ret) MUST_USE;
void ahead_stop(struct ahead **ahead);
