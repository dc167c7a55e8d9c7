/* Encryption at rest as requests ask for it and answers tell it: SSE-S3, under the server's keys (seal.h). It
 * is not a bucket's choice: with keys every new object is encrypted, without them none is, and asking for it
 * is refused rather than silently not done. */
#pragma once

#include "services/s3/api.h"

/* x-amz-server-side-encryption of a write. S3_E_NOT_IMPLEMENTED, S3_E_ARGUMENT. */
int api_encryption_asked(struct call *c) MUST_USE;
/* Keys of the client's own (SSE-C), of reads and writes alike. S3_E_NOT_IMPLEMENTED. */
int api_refuse_customer_key(struct call *c) MUST_USE;
/* The same of an object's read, which has no say in it. S3_E_NOT_IMPLEMENTED, S3_E_ARGUMENT. */
int api_refuse_read_encryption(struct call *c) MUST_USE;
void api_encryption_header(struct call *c, bool sealed); /* once the reply has begun */

int api_get_encryption(struct call *c);
int api_put_encryption(struct call *c);
