/* See release_key.h. */
#include "workers/release_key.h"
#include "base/hash.h"
#include <ctype.h>
#include <stdio.h>

#define SLUG_BRANCH_MAX 20
#define SLUG_APP_MAX 40
#define HASH_DIGITS 8

static char slug_char(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
}

/* Lower-case letters, digits and single dashes between them: what stack, bucket and pipeline names all take.
 */
static void slug(struct str text, size_t max, const char *when_empty, char *ret)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len && len < max; i++) {
        char c = slug_char(text.ptr[i]);

        if (c != '-')
            ret[len++] = c;
        else if (len > 0 && ret[len - 1] != '-')
            ret[len++] = '-';
    }
    while (len > 0 && ret[len - 1] == '-')
        len--;
    ret[len] = '\0';
    if (len == 0)
        memcpy(ret, when_empty, strlen(when_empty) + 1);
}

static bool plain_bytes(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < 0x21 || s.ptr[i] == 0x7f)
            return false;
    return true;
}

static bool account_valid(struct str account)
{
    if (account.len != 12)
        return false;
    for (size_t i = 0; i < account.len; i++)
        if (!isdigit((unsigned char)account.ptr[i]))
            return false;
    return true;
}

static bool branch_valid(struct str branch)
{
    struct str rest = branch;

    if (branch.len == 0 || branch.len > RELEASE_BRANCH_MAX || !plain_bytes(branch) ||
        branch.ptr[branch.len - 1] == '/')
        return false;
    while (rest.len > 0) {
        struct str segment = str_split(&rest, '/');
        if (segment.len == 0 || str_eqc(segment, ".") || str_eqc(segment, ".."))
            return false;
    }
    return true;
}

static bool app_valid(struct str app)
{
    if (app.len == 0 || app.len > RELEASE_APP_MAX)
        return false;
    for (size_t i = 0; i < app.len; i++) {
        unsigned char c = (unsigned char)app.ptr[i];
        if (c >= 128 || (!isalnum(c) && c != '-' && c != '_' && c != '.'))
            return false;
    }
    return true;
}

static void names_make(struct release_key *key)
{
    char text[sizeof(key->account) + sizeof(key->app) + sizeof(key->branch) + 2];
    char digest[HASH_HEX_SIZE];
    char branch[SLUG_BRANCH_MAX + 1];
    char app[SLUG_APP_MAX + 1];
    int len = snprintf(text, sizeof(text), "%s/%s/%s", key->account, key->app, key->branch);

    hash_sha256_hex((struct str){text, (size_t)len}, digest);
    slug(str_of(key->branch), SLUG_BRANCH_MAX, "branch", branch);
    slug(str_of(key->app), SLUG_APP_MAX, "app", app);
    snprintf(key->suffix, sizeof(key->suffix), "%s-%.*s", branch, HASH_DIGITS, digest);
    snprintf(key->stack, sizeof(key->stack), "release-%s-%s", app, key->suffix);
}

int release_key_make(struct str account, struct str app, struct str branch, struct release_key *ret,
                     struct reason *why)
{
    struct release_key key = {0};

    if (!account_valid(account))
        return reason_set(why, RELEASE_KEY_E_BAD, "'" STR_FMT "' is not an account id of 12 digits",
                          STR_ARG(account));
    if (!app_valid(app))
        return reason_set(why, RELEASE_KEY_E_BAD,
                          "'" STR_FMT "' is not an application's name (1 to 64 of A-Z a-z 0-9 . _ -)",
                          STR_ARG(app));
    if (!branch_valid(branch))
        return reason_set(why, RELEASE_KEY_E_BAD,
                          "'" STR_FMT "' is not a branch's name (1 to 256 bytes, no blanks, no empty, '.' or "
                          "'..' part)",
                          STR_ARG(branch));
    memcpy(key.account, account.ptr, account.len);
    memcpy(key.app, app.ptr, app.len);
    memcpy(key.branch, branch.ptr, branch.len);
    names_make(&key);
    *ret = key;
    return 0;
}

int release_key_parse(struct str key, struct release_key *ret, struct reason *why)
{
    static const struct str tail = {"/latest.zip", 11};
    struct str rest = key;
    struct str account, app;

    if (!str_ends(key, tail))
        return reason_set(why, RELEASE_KEY_E_BAD,
                          "the key '" STR_FMT "' is not ACCOUNT_ID/APP/BRANCH/latest.zip", STR_ARG(key));
    rest.len -= tail.len;
    account = str_split(&rest, '/');
    app = str_split(&rest, '/');
    if (rest.ptr == NULL || rest.len == 0)
        return reason_set(why, RELEASE_KEY_E_BAD,
                          "the key '" STR_FMT "' is not ACCOUNT_ID/APP/BRANCH/latest.zip", STR_ARG(key));
    return release_key_make(account, app, rest, ret, why);
}
