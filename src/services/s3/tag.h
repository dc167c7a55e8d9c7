/* What a tag may be, of an object or a bucket. Source: S3 user guide, "Object tagging"; S3's own answers. */
#pragma once

#include "base/base.h"

bool tag_key_good(struct str key);     /* 1 to 128 characters of those that are allowed */
bool tag_value_good(struct str value); /* 0 to 256 */
bool tag_key_is_aws(struct str key);   /* one that only AWS's services give */
