/* See late.h. Source: S3 API reference, CompleteMultipartUpload and CopyObject. */
#include "services/s3/late.h"
#include "services/s3/encryption.h"
#include "wire/xml.h"

#define LATE_MS 5000

void api_answer_may_be_late(struct call *c, const char *source_version)
{
    call_reply(c, 200);
    http_reply_header(c->http, "Content-Type", "application/xml");
    api_encryption_header(c, c->platform->keyring != NULL);
    if (source_version)
        http_reply_header(c->http, "x-amz-copy-source-version-id", source_version);
    http_reply_meanwhile(c->http, XML_HEAD, LATE_MS);
}
