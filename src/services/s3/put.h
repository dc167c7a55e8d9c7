/* The body of a put, a part or a form on its way in: taken, hashed, compared with what the client says of it.
 */
#pragma once

#include "services/s3/api.h"

/* After api_put_whole, when bytes and digests are there: these compared with what the client said. */
int api_put_finish(struct call *c, char ret_etag[ETAG_SIZE]) MUST_USE;
/* Passes rc on; bytes of a put that failed are removed before the error is answered. */
int api_put_failed(struct call *c, int rc) MUST_USE;
struct upload *api_put_upload(struct call *c);
/* Of what was put; its text is there after api_put_finish. */
const struct checksum_value *api_put_checksum(struct call *c);
/* Takes the body; its checksum is computed by the algorithm that the client claims, or else by the other, and
 * compared with what the client says of it. */
int api_put_begin_checked(struct call *c, enum checksum_algorithm claimed,
                          enum checksum_algorithm otherwise) MUST_USE;
/* What is locked is to arrive as it was sent: nobody can put it right. `what`: "Object", "Part".
 * S3_E_REQUEST: the client says no digest. */
int api_put_locked(struct call *c, const struct object_lock *lock, const char *what) MUST_USE;
/* The same for a form, whose fields are not known yet: api_put_choose follows when they are. */
struct post;
int api_put_begin_form(struct call *c, struct post *post) MUST_USE;
struct post *api_put_form(struct call *c);
int api_put_choose(struct call *c, enum checksum_algorithm algorithm) MUST_USE;

struct stored {
    struct bucket bucket;
    struct object object; /* sequence, version, time */
    char etag[ETAG_SIZE];
    const char *tags;
};
void stored_unload(struct stored *stored); /* CLEANUP-able */
/* Makes what has arrived the object c->key, by the request's headers. */
int api_put_store(struct call *c, const char *event, struct stored *ret) MUST_USE;
/* ETag, version and checksum of it, once the reply has begun. */
void api_put_headers(struct call *c, const struct stored *stored);
