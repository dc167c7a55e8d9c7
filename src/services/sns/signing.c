/* The server's own key for the signatures of messages, and its certificate. */
#include "base/clock.h"
#include "services/service.h"
#include "services/sns/envelope.h"
#include <pthread.h>
#include <stdio.h>

#define COMMON_NAME "Slipway notifications"
#define VALID_DAYS 3650
#define PEM_MAX ((size_t)16384)

void signing_unload(struct signing *signing)
{
    sign_key_unref(&signing->key);
    free(take(signing->certificate));
}

static int make(struct tx *tx)
{
    CLEANUP(buf_free) struct buf key = BUF_INIT(PEM_MAX);
    CLEANUP(buf_free) struct buf certificate = BUF_INIT(PEM_MAX);
    char digest[HASH_HEX_SIZE];
    int rc = sign_key_make(COMMON_NAME, VALID_DAYS, &key, &certificate);
    if (rc != 0)
        return rc;
    hash_sha256_hex(buf_str(&certificate), digest);
    digest[32] = '\0';
    return tx_exec(tx,
                   "INSERT INTO sns_key (id, private_key, certificate, created_ms) VALUES ($1, $2, $3, $4)",
                   "sSSi", digest, buf_str(&key), buf_str(&certificate), clock_now_ms());
}

/* The key that was read last: it is nearly always the one that is wanted. */
static struct {
    pthread_mutex_t lock;
    char id[sizeof(((struct signing *)NULL)->id)];
    struct evp_pkey_st *key;
} latest = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int read_key(const char *id, struct str pem, struct evp_pkey_st **ret)
{
    int rc = 0;
    pthread_mutex_lock(&latest.lock);
    if (!latest.key || strcmp(latest.id, id) != 0) {
        sign_key_unref(&latest.key);
        rc = sign_key_read(pem, &latest.key);
        (void)snprintf(latest.id, sizeof(latest.id), "%s", id);
    }
    *ret = rc == 0 ? sign_key_ref(latest.key) : NULL;
    pthread_mutex_unlock(&latest.lock);
    return rc != 0 || *ret ? rc : FAULT(ENOMEM);
}

static int read_newest(struct tx *tx, struct signing *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int rc = tx_query_row(
        tx, &rows, "SELECT id, private_key, certificate FROM sns_key ORDER BY created_ms DESC LIMIT 1", "");
    if (rc != 0)
        return rc;
    (void)snprintf(ret->id, sizeof(ret->id), "%s", rows_text(rows, 0));
    ret->certificate = str_dup(rows_str(rows, 2));
    return ret->certificate ? read_key(ret->id, rows_str(rows, 1), &ret->key) : FAULT(ENOMEM);
}

int signing_load(struct tx *tx, struct signing *ret)
{
    int rc = read_newest(tx, ret);
    if (rc != DB_NONE)
        return rc;
    rc = tx_writes(tx) ? make(tx) : DB_NONE;
    return rc != 0 ? rc : read_newest(tx, ret);
}

int signing_start(const struct platform *platform, void **ret_state)
{
    CLEANUP(signing_unload) struct signing signing = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    *ret_state = NULL;
    int rc = db_begin(platform->db, &tx);
    if (rc == 0)
        rc = signing_load(tx, &signing);
    return rc != 0 ? rc : db_commit(&tx);
}
