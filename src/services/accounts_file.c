/* First accounts, and DATA/credentials and DATA/config in the AWS CLI's format. Both files are written anew
 * at every start and when an account is made: the database is what counts. */
#include "services/accounts_file.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "services/service.h"
#include <stdio.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1024 * 1024)
#define PATH_SIZE 4096

static const struct {
    const char *id;
    const char *name;
} first[] = {
    {ACCOUNTS_SHARED, "shared-services"}, {"222222222222", "dev"},
    {"333333333333", "staging"},          {"444444444444", "prod"},
    {"555555555555", "shop-team"},
};

int accounts_first(const struct platform *platform)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    struct account any;
    size_t count = 0;
    struct reason reason;
    int r = db_begin(platform->db, &tx);
    if (r == 0)
        r = account_list(tx, &any, 1, &count);
    if (r != 0 || count > 0)
        return r;
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(first); i++) {
        char id[IAM_KEY_ID_SIZE];
        char secret[IAM_SECRET_SIZE];
        r = account_create(tx, platform, first[i].id, first[i].name, NULL, NULL, id, secret, &reason);
    }
    assert(r <= 0); /* the table's own names are good */
    return r == 0 ? db_commit(&tx) : r;
}

int accounts_keys(const struct platform *platform, struct account_key **ret, size_t *ret_count)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(free_ptr) struct account *accounts = mem_alloc(ACCOUNTS_MAX * sizeof(*accounts));
    size_t count = 0;
    int r = accounts ? db_read(platform->db, &tx) : FAULT(ENOMEM);
    if (r == 0)
        r = account_list(tx, accounts, ACCOUNTS_MAX, &count);
    if (r != 0)
        return r;
    CLEANUP(free_ptr) struct account_key *keys = mem_alloc((count + 1) * sizeof(*keys));
    if (!keys)
        return FAULT(ENOMEM);
    for (size_t i = 0; i < count; i++) {
        keys[i].account = accounts[i];
        r = account_root_key(tx, accounts[i].id, keys[i].access_key_id, keys[i].secret_access_key);
        if (r < 0)
            return r;
    }
    *ret = take(keys);
    *ret_count = count;
    return 0;
}

/* A server whose disk is full starts all the same if its accounts are what they were. */
static bool is_there(const char *path, struct str text)
{
    CLEANUP(buf_free) struct buf old = BUF_INIT(FILE_MAX);
    struct stat st;
    return stat(path, &st) == 0 && io_read_file(path, &old) == 0 && str_eq(buf_str(&old), text);
}

static int write_file(const struct platform *platform, const char *name, const struct buf *text, mode_t mode)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof(path), "%s/%s", platform->data_dir, name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return FAULT(ENAMETOOLONG);
    if (buf_error(text))
        return FAULT(buf_error(text));
    return is_there(path, buf_str(text)) ? 0 : io_write_file_atomic(path, buf_str(text), mode);
}

int accounts_write(const struct platform *platform, const struct account_key *keys, size_t count)
{
    CLEANUP(buf_free) struct buf credentials = BUF_INIT(FILE_MAX);
    CLEANUP(buf_free) struct buf config = BUF_INIT(FILE_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!keys[i].access_key_id[0])
            continue;
        buf_printf(&credentials, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n",
                   keys[i].account.name, keys[i].access_key_id, keys[i].secret_access_key);
        buf_printf(&config, "[profile %s]\nregion = %s\nendpoint_url = %s\n\n", keys[i].account.name,
                   platform->region, platform->endpoint);
    }
    int r = write_file(platform, "credentials", &credentials, 0600);
    return r == 0 ? write_file(platform, "config", &config, 0644) : r;
}
