/* What a request says wrongly, told as S3 tells it. */
#pragma once

#include "services/s3/api.h"

/* InvalidArgument that tells which argument, and its value. S3_E_ARGUMENT. */
int api_bad_argument(struct call *c, const char *name, struct str value, const char *says);
/* The same of a number in the query. S3_E_ARGUMENT. */
int api_bad_number(struct call *c, const char *name, struct str value);
/* Of what is no copy: it must not name a source. S3_E_ARGUMENT. */
int api_refuse_copy_source(struct call *c) MUST_USE;
/* Deletions' conditions that S3 knows of directory buckets: one that is not looked at must not pass for one
 * that holds. S3_E_NOT_IMPLEMENTED. */
int api_refuse_directory_conditions(struct call *c) MUST_USE;
/* Whether it has a version id's form. AWS's have 32 letters: what is much shorter has never been one. */
bool api_is_version_id(struct str text);
