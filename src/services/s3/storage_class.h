/* Storage classes: kept with objects and told of them. All are stored alike. Those whose objects would have
 * to be restored before they are read (GLACIER, DEEP_ARCHIVE) there are none of. Source: S3 user guide,
 * "Understanding and managing Amazon S3 storage classes"; S3 API reference, PutObject. */
#pragma once

#include "base/base.h"

struct buf;
struct call;

/* The class of that name, for good; NULL: STANDARD, or none that is kept. */
const char *storage_class_named(struct str name);
/* x-amz-storage-class of a write; NULL: STANDARD. S3_E_STORAGE_CLASS. */
int storage_class_asked(struct call *c, const char **ret) MUST_USE;
/* Once the reply has begun: nothing for STANDARD. */
void storage_class_reply(struct call *c, const char *storage_class);
/* <StorageClass>…</StorageClass>, always. */
void storage_class_put_element(struct buf *out, const char *storage_class);
