/* The tags of objects: at most ten, kept as a JSON object beside the version, in the order in which they
 * came. */
#pragma once

#include "services/s3/api.h"

/* x-amz-tagging ("team=shop&stage=qa"): JSON text for object_new.tags in the arena, NULL when there is none.
 * S3_E_ARGUMENT, S3_E_TAG, S3_E_TAG_COUNT. */
int tagging_of_header(struct call *c, const char **ret) MUST_USE;
/* The same of a <Tagging> document, decoded by its shape. */
int tagging_of_set(struct call *c, const char **ret) MUST_USE;
/* Fills c->out's TagSet; `text` may be NULL. */
int tagging_put_set(struct call *c, const char *text) MUST_USE;
/* x-amz-tagging-count, once the reply has begun; nothing without tags. */
void tagging_reply_count(struct call *c, const char *text);
