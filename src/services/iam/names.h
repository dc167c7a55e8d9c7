/* Syntax of IAM's names and the shapes of its ids. Source: "IAM and AWS STS quotas, name requirements". */
#pragma once

#include "base/base.h"

#define IAM_ACCOUNT_SIZE 13
#define IAM_CANONICAL_SIZE 65
#define IAM_ORGANIZATION_SIZE 15 /* "o-" and 12 hexadecimal digits */
#define IAM_ID_SIZE 22           /* AROA… and AIDA…: 21 characters */

bool iam_account_id_ok(const char *id);
bool iam_name_ok(const char *name);         /* [\w+=,.@-]+ */
bool iam_session_name_ok(const char *name); /* the same; the length is the field table's */
bool iam_path_ok(const char *path);         /* "/" or "/…/" */
bool iam_key_id_ok(const char *id);         /* \w{16,128} */
/* A new unique id: "AROA" and random. */
void iam_id_new(const char *prefix, char ret[IAM_ID_SIZE]);
/* An account's canonical user id, by which S3 names owners: 64 hexadecimal digits, always the same for an
 * account. */
void iam_canonical_id(const char *account, char ret[IAM_CANONICAL_SIZE]);
/* The id of the organization that an account manages, always the same for the account. */
void iam_organization_id(const char *account, char ret[IAM_ORGANIZATION_SIZE]);
bool iam_canonical_id_ok(const char *id);
/* The account of arn:aws:iam::ACCOUNT:root; false for another ARN. */
bool iam_root_arn_parse(struct str arn, char ret_account[IAM_ACCOUNT_SIZE]);
/* The account of a role's ARN into ret (IAM_ACCOUNT_SIZE) and its name (65, path dropped); false when it is
 * no role's ARN. */
bool role_arn_parse(const char *arn, char *ret_account, char *ret_name);
