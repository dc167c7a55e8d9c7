/* Syntax of IAM's names. */
#include "services/iam/names.h"
#include "base/hash.h"
#include "base/id.h"
#include <stdio.h>

#define WORD "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

static bool made_of(const char *text, const char *set)
{
    return *text && strspn(text, set) == strlen(text);
}

bool iam_account_id_ok(const char *id)
{
    return strlen(id) == 12 && made_of(id, "0123456789");
}

bool iam_name_ok(const char *name)
{
    return made_of(name, WORD "+=,.@-");
}

bool iam_session_name_ok(const char *name)
{
    return iam_name_ok(name);
}

bool iam_path_ok(const char *path)
{
    size_t len = strlen(path);
    if (len == 0 || len > 512 || path[0] != '/' || path[len - 1] != '/')
        return false;
    for (const char *at = path; *at; at++)
        if (*at < '!' || *at > '~')
            return false;
    return true;
}

bool iam_key_id_ok(const char *id)
{
    size_t len = strlen(id);
    return len >= 16 && len <= 128 && made_of(id, WORD);
}

void iam_id_new(const char *prefix, char ret[IAM_ID_SIZE])
{
    char random[IAM_ID_SIZE];
    id_base32(random, IAM_ID_SIZE - 1 - strlen(prefix));
    (void)snprintf(ret, IAM_ID_SIZE, "%s%s", prefix, random);
}

void iam_canonical_id(const char *account, char ret[IAM_CANONICAL_SIZE])
{
    char text[64];
    char hex[HASH_HEX_SIZE];
    (void)snprintf(text, sizeof(text), "slipway canonical user %.12s", account);
    hash_sha256_hex(str_of(text), hex);
    memcpy(ret, hex, IAM_CANONICAL_SIZE);
}

void iam_organization_id(const char *account, char ret[IAM_ORGANIZATION_SIZE])
{
    char text[64];
    char hex[HASH_HEX_SIZE];
    (void)snprintf(text, sizeof(text), "slipway organization of %.12s", account);
    hash_sha256_hex(str_of(text), hex);
    (void)snprintf(ret, IAM_ORGANIZATION_SIZE, "o-%.12s", hex);
}

bool iam_canonical_id_ok(const char *id)
{
    return strlen(id) == IAM_CANONICAL_SIZE - 1 && strspn(id, "0123456789abcdef") == IAM_CANONICAL_SIZE - 1;
}

bool iam_root_arn_parse(struct str arn, char ret_account[IAM_ACCOUNT_SIZE])
{
    const struct str before = STR("arn:aws:iam::");
    const size_t digits = IAM_ACCOUNT_SIZE - 1;
    const size_t from = before.len;
    if (arn.len < from + digits || !str_starts(arn, before) ||
        !str_eqc((struct str){arn.ptr + from + digits, arn.len - from - digits}, ":root"))
        return false;
    memcpy(ret_account, arn.ptr + from, digits);
    ret_account[digits] = '\0';
    return iam_account_id_ok(ret_account);
}

bool role_arn_parse(const char *arn, char *ret_account, char *ret_name)
{
    struct str rest = str_of(arn);
    struct str arn_word = str_split(&rest, ':');
    struct str partition = str_split(&rest, ':');
    struct str service = str_split(&rest, ':');
    struct str region = str_split(&rest, ':');
    struct str account = str_split(&rest, ':');
    if (!rest.ptr || !str_eqc(arn_word, "arn") || !str_starts(partition, STR("aws")) ||
        !str_eqc(service, "iam") || region.len != 0 || account.len != 12 || !str_starts(rest, STR("role/")))
        return false;
    const char *slash = memrchr(rest.ptr, '/', rest.len);
    size_t len = rest.len - (size_t)(slash + 1 - rest.ptr);
    if (len == 0 || len > 64)
        return false;
    memcpy(ret_account, account.ptr, account.len);
    ret_account[account.len] = '\0';
    memcpy(ret_name, slash + 1, len);
    ret_name[len] = '\0';
    return iam_account_id_ok(ret_account);
}
