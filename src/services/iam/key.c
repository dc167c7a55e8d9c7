/* Access keys: long-lived ones of users, temporary ones of role sessions. */
#include "base/clock.h"
#include "base/id.h"
#include "services/iam/names.h"
#include "services/iam/session.h"
#include "services/iam/user.h"
#include <stdio.h>

#define SECRET_CHARS 40
#define SECRET_MIN 16
#define KEY_RANDOM 16 /* after AKIA or ASIA */

static int key_count(struct tx *tx, const struct key_spec *spec, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT count(*) FROM iam_key WHERE account = $1 AND user_name = $2",
                         "ss", spec->account, spec->user);
    if (r == 0)
        *ret = rows_int(rows, 0);
    return r;
}

static int choose(const struct key_spec *spec, char *id, char *secret, struct reason *reason)
{
    if (!spec->id != !spec->secret)
        return reason_set(reason, IAM_INVALID, "Give both an access key id and its secret, or neither");
    if (!spec->id) {
        char random[KEY_RANDOM + 1];
        id_base32(random, KEY_RANDOM);
        (void)snprintf(id, IAM_KEY_ID_SIZE, "AKIA%s", random);
        id_base62(secret, SECRET_CHARS);
        return 0;
    }
    size_t len = strlen(spec->secret);
    if (!iam_key_id_ok(spec->id))
        return reason_set(reason, IAM_INVALID,
                          "An access key id has 16 to 128 letters, digits and underscores");
    if (len < SECRET_MIN || len >= IAM_SECRET_SIZE)
        return reason_set(reason, IAM_INVALID, "A secret access key has %d to %d characters", SECRET_MIN,
                          IAM_SECRET_SIZE - 1);
    (void)snprintf(id, IAM_KEY_ID_SIZE, "%s", spec->id);
    (void)snprintf(secret, IAM_SECRET_SIZE, "%s", spec->secret);
    return 0;
}

int key_create(struct tx *tx, const struct key_spec *spec, char *ret_id, char *ret_secret,
               struct reason *reason)
{
    char id[IAM_KEY_ID_SIZE];
    char secret[IAM_SECRET_SIZE];
    int64_t count = 0;
    int r = choose(spec, id, secret, reason);
    if (r == 0)
        r = key_count(tx, spec, &count);
    if (r != 0)
        return r;
    if (count >= IAM_KEYS_PER_USER)
        return reason_set(reason, IAM_LIMIT, "Cannot exceed quota for AccessKeysPerUser: %d",
                          IAM_KEYS_PER_USER);
    r = tx_exec(tx,
                "INSERT INTO iam_key (id, account, user_name, secret, active, created_ms)"
                " VALUES ($1, $2, $3, $4, 1, $5)",
                "ssssi", id, spec->account, spec->user, secret, clock_now_ms());
    if (r == DB_EXISTS)
        return reason_set(reason, IAM_EXISTS, "The access key id %s is taken.", id);
    if (r != 0)
        return r;
    tx_wake(tx, IAM_TOPIC_KEYS);
    (void)snprintf(ret_id, IAM_KEY_ID_SIZE, "%s", id);
    (void)snprintf(ret_secret, IAM_SECRET_SIZE, "%s", secret);
    return 0;
}

static int changed_one(struct tx *tx, const char *id, struct reason *reason)
{
    if (tx_changes(tx) == 0)
        return reason_set(reason, IAM_NO_ENTITY, "The Access Key with id %s cannot be found.", id);
    tx_wake(tx, IAM_TOPIC_KEYS);
    return 0;
}

int key_delete(struct tx *tx, const char *account, const char *user, const char *id, struct reason *reason)
{
    int r = tx_exec(tx, "DELETE FROM iam_key WHERE id = $1 AND account = $2 AND user_name = $3", "sss", id,
                    account, user);
    return r == 0 ? changed_one(tx, id, reason) : r;
}

int key_set_active(struct tx *tx, const char *account, const char *user, const char *id, bool active,
                   struct reason *reason)
{
    int r = tx_exec(tx, "UPDATE iam_key SET active = $4 WHERE id = $1 AND account = $2 AND user_name = $3",
                    "sssi", id, account, user, (int64_t)active);
    return r == 0 ? changed_one(tx, id, reason) : r;
}

static void fill_user(struct rows *rows, struct principal *ret)
{
    bool root = rows_null(rows, 4);
    if (root) {
        (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:iam::%s:root", ret->account);
        (void)snprintf(ret->user_id, sizeof(ret->user_id), "%s", ret->account);
        return;
    }
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:iam::%s:user%s%s", ret->account, rows_text(rows, 5),
                   rows_text(rows, 1));
    (void)snprintf(ret->user_id, sizeof(ret->user_id), "%s", rows_text(rows, 4));
}

static int find_user_key(struct tx *tx, const char *id, struct iam_key *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(
        tx, &rows,
        "SELECT k.account, k.user_name, k.secret, k.active, u.id, u.path FROM iam_key k"
        " LEFT JOIN iam_user u ON u.account = k.account AND u.name = k.user_name WHERE k.id = $1",
        "s", id);
    if (r != 0)
        return r;
    (void)snprintf(ret->principal.account, sizeof(ret->principal.account), "%s", rows_text(rows, 0));
    (void)snprintf(ret->secret, sizeof(ret->secret), "%s", rows_text(rows, 2));
    ret->active = rows_int(rows, 3) != 0;
    fill_user(rows, &ret->principal);
    return 0;
}

int iam_key_find(struct tx *tx, const char *access_key_id, const char *token, struct iam_key *ret)
{
    struct iam_key key = {0};
    (void)snprintf(key.principal.access_key_id, sizeof(key.principal.access_key_id), "%s", access_key_id);
    int r = find_user_key(tx, access_key_id, &key);
    if (r == DB_NONE && token)
        r = session_find(tx, token, &key);
    if (r == 0)
        *ret = key;
    return r == DB_NONE ? IAM_NO_ENTITY : r;
}
