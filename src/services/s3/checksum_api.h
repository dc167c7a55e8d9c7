/* Checksums as requests and answers have them. */
#pragma once

#include "services/s3/api.h"
#include "services/s3/checksum.h"

/* The algorithm whose checksum comes in a header, or behind the body; CHECKSUM_NONE when the client sends
 * none. S3_E_REQUEST. */
int checksum_claimed(struct call *c, enum checksum_algorithm *ret) MUST_USE;
/* Compares what the client says, where it does, with what its body has. S3_E_REQUEST, S3_E_BAD_DIGEST. */
int checksum_compare(struct call *c, const struct checksum_value *computed) MUST_USE;
/* The same of Content-MD5. S3_E_INVALID_DIGEST, S3_E_BAD_DIGEST. */
int checksum_compare_md5(struct call *c, const unsigned char *computed) MUST_USE;
/* x-amz-checksum-algorithm of a request that has no body to check; CHECKSUM_NONE when it says none.
 * S3_E_REQUEST. */
int checksum_algorithm_asked(struct call *c, enum checksum_algorithm *ret) MUST_USE;
/* The algorithm and type of an upload's object. S3_E_REQUEST. */
int checksum_upload_asked(struct call *c, enum checksum_algorithm *ret, bool *ret_composite) MUST_USE;
/* x-amz-checksum-…, once the reply has begun; nothing for CHECKSUM_NONE. */
void checksum_reply(struct call *c, const struct checksum_value *value);
bool checksum_mode_enabled(struct call *c); /* of a read */
/* <ChecksumCRC32>…</ChecksumCRC32>; nothing for CHECKSUM_NONE or an empty text. */
void checksum_put_element(struct buf *out, enum checksum_algorithm algorithm, const char *text);
