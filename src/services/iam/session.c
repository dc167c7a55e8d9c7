/* Sessions: a role's temporary credentials. Nothing of them is stored: a session's token says what it is,
 * sealed with the server's own key (HMAC-SHA256), and its secret is derived from the key's id. A session ends
 * when it expires, or when its role goes. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/id.h"
#include "services/iam/session.h"
#include "services/iam/names.h"
#include "wire/json.h"
#include <pthread.h>
#include <stdio.h>

#define DURATION_MIN_S 900
#define KEY_RANDOM 16
#define SEAL_SIZE 32
#define SECRET_BYTES 30 /* 40 characters of base64 */
#define TOKEN_BYTES (IAM_TOKEN_SIZE / 4 * 3)

static int check_spec(const struct session_spec *spec, int64_t max_session_s, struct reason *reason)
{
    size_t len = strlen(spec->session_name);
    if (len < 2 || len > 64 || !iam_session_name_ok(spec->session_name))
        return reason_set(reason, IAM_INVALID,
                          "'%.64s' is no session name: 2 to 64 letters, digits and _+=,.@-",
                          spec->session_name);
    if (spec->duration_s < DURATION_MIN_S || spec->duration_s > max_session_s)
        return reason_set(reason, IAM_INVALID,
                          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    return 0;
}

/* ---- the server's own key */

static int sealing_read(struct rows *rows, int column, struct hash_key *ret)
{
    struct str hex = rows_str(rows, column);
    char key[SEAL_SIZE];
    if (!hex.ptr)
        return FAULT(ENOKEY);
    if (hex.len != (size_t)2 * SEAL_SIZE || !hex_decode(hex, key))
        return FAULT(EBADMSG);
    hash_key_init(ret, (struct str){key, SEAL_SIZE});
    return 0;
}

static int sealing_find(struct tx *tx, struct hash_key *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT key FROM iam_sealing WHERE id = 1", "");
    return r ? r : sealing_read(rows, 0, ret);
}

int sessions_prepare(struct tx *tx)
{
    struct hash_key sealing;
    unsigned char key[SEAL_SIZE];
    char hex[2 * SEAL_SIZE + 1];
    int r = sealing_find(tx, &sealing);
    if (r != DB_NONE)
        return r;
    id_random(key, sizeof(key));
    hex_encode(key, sizeof(key), hex);
    return tx_exec(tx, "INSERT INTO iam_sealing (id, key) VALUES (1, $1)", "s", hex);
}

/* A payload is a JSON object; no key's id begins like one. */
static void secret_of(const struct hash_key *sealing, const char *key_id, char ret[IAM_SECRET_SIZE])
{
    unsigned char mac[SEAL_SIZE];
    hash_hmac_by(sealing, str_of(key_id), mac);
    base64_encode(mac, SECRET_BYTES, ret);
}

/* ---- making */

static void payload_write(struct buf *out, const struct session_spec *spec, const struct session_grant *grant,
                          const struct session *session)
{
    json_begin(out, NULL, '{');
    json_add_str(out, "key", session->access_key_id);
    json_add_str(out, "account", spec->account);
    json_add_str(out, "role", grant->role_name);
    json_add_str(out, "id", grant->role_id);
    json_add_str(out, "name", spec->session_name);
    json_add_int(out, "ends", session->expires_ms);
    if (spec->person)
        json_add_str(out, "by", spec->person);
    json_end(out, '}');
}

static int token_of(const struct session_spec *spec, const struct session_grant *grant,
                    struct session *session)
{
    CLEANUP(buf_free) struct buf token = BUF_INIT(TOKEN_BYTES);
    char *mac;
    (void)buf_reserve(&token, TOKEN_BYTES);
    payload_write(&token, spec, grant, session);
    mac = buf_extend(&token, SEAL_SIZE);
    if (!mac)
        return buf_error(&token);
    hash_hmac_by(&grant->sealing, (struct str){token.ptr, token.len - SEAL_SIZE}, (unsigned char *)mac);
    base64_encode(token.ptr, token.len, session->session_token);
    return 0;
}

static int grant_find(struct tx *tx, const struct session_spec *spec, struct session_grant *ret,
                      int64_t *ret_max_session_s)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    struct hash_key sealing;
    int r = tx_query_row(tx, &rows,
                         "SELECT name, id, max_session_s, (SELECT key FROM iam_sealing WHERE id = 1)"
                         " FROM iam_role WHERE account = $1 AND name = $2",
                         "ss", spec->account, spec->role_name);
    if (r == 0)
        r = sealing_read(rows, 3, &sealing);
    if (r != 0)
        return r;
    str_copy(ret->role_name, sizeof(ret->role_name), rows_text(rows, 0));
    str_copy(ret->role_id, sizeof(ret->role_id), rows_text(rows, 1));
    ret->sealing = sealing;
    *ret_max_session_s = rows_int(rows, 2);
    return 0;
}

/* What write transactions found lately, by account and role: each job's worker gets a session. */
static struct {
    pthread_mutex_t lock;
    struct found {
        uint64_t epoch; /* of the transaction; 0: none */
        char account[IAM_ACCOUNT_SIZE];
        struct session_grant grant;
        int64_t max_session_s;
    } list[64];
} found = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct found *found_place(const struct session_spec *spec)
{
    uint64_t hash = str_hash(str_of(spec->account)) * 31 + str_hash(str_of(spec->role_name));
    return &found.list[hash % ARRAY_LEN(found.list)];
}

static bool found_get(struct tx *tx, const struct session_spec *spec, struct session_grant *ret,
                      int64_t *ret_max_session_s)
{
    const struct found *one = found_place(spec);
    if (!tx_writes(tx))
        return false;
    pthread_mutex_lock(&found.lock);
    bool fits = one->epoch == tx_epoch(tx) && strcmp(one->account, spec->account) == 0 &&
                strcmp(one->grant.role_name, spec->role_name) == 0;
    if (fits) {
        *ret = one->grant;
        *ret_max_session_s = one->max_session_s;
    }
    pthread_mutex_unlock(&found.lock);
    return fits;
}

static void found_put(struct tx *tx, const struct session_spec *spec, const struct session_grant *grant,
                      int64_t max_session_s)
{
    struct found *one = found_place(spec);
    if (!tx_writes(tx))
        return;
    pthread_mutex_lock(&found.lock);
    *one = (struct found){.epoch = tx_epoch(tx), .grant = *grant, .max_session_s = max_session_s};
    str_copy(one->account, sizeof(one->account), spec->account);
    pthread_mutex_unlock(&found.lock);
}

void sessions_role_changed(const char *account, const char *role)
{
    const struct session_spec spec = {.account = account, .role_name = role};
    pthread_mutex_lock(&found.lock);
    found_place(&spec)->epoch = 0;
    pthread_mutex_unlock(&found.lock);
}

int session_allow(struct tx *tx, const struct session_spec *spec, struct session_grant *ret,
                  struct reason *reason)
{
    struct session_grant grant;
    int64_t max_session_s = 0;
    int r = 0;
    if (!found_get(tx, spec, &grant, &max_session_s)) {
        r = grant_find(tx, spec, &grant, &max_session_s);
        if (r == 0)
            found_put(tx, spec, &grant, max_session_s);
    }
    if (r == DB_NONE)
        return reason_set(reason, IAM_NO_ENTITY, "The role with name %.64s cannot be found.",
                          spec->role_name);
    if (r == 0)
        r = check_spec(spec, max_session_s, reason);
    if (r == 0)
        *ret = grant;
    return r;
}

int session_make(const struct session_grant *grant, const struct session_spec *spec, struct session *ret)
{
    static const char prefix[] = "ASIA";
    *ret = (struct session){.expires_ms = clock_now_ms() + spec->duration_s * 1000};
    str_copy(ret->access_key_id, sizeof(ret->access_key_id), prefix);
    id_base32(ret->access_key_id + strlen(prefix), KEY_RANDOM);
    secret_of(&grant->sealing, ret->access_key_id, ret->secret_access_key);
    return token_of(spec, grant, ret);
}

int session_create(struct tx *tx, const struct session_spec *spec, struct session *ret, struct reason *reason)
{
    struct session_grant grant;
    int r = session_allow(tx, spec, &grant, reason);
    if (r == 0)
        r = session_make(&grant, spec, ret);
    if (r)
        return r;
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:sts::%s:assumed-role/%s/%s", spec->account,
                   grant.role_name, spec->session_name);
    (void)snprintf(ret->assumed_role_id, sizeof(ret->assumed_role_id), "%s:%s", grant.role_id,
                   spec->session_name);
    return 0;
}

/* ---- reading */

/* IAM_BAD_TOKEN: not made here, or changed. */
static int token_read(const struct hash_key *sealing, const char *token, json_t **ret)
{
    unsigned char bytes[TOKEN_BYTES], mac[SEAL_SIZE];
    size_t len = 0;
    struct str payload;
    int r;
    if (strlen(token) >= IAM_TOKEN_SIZE || !base64_decode(str_of(token), bytes, &len) || len <= SEAL_SIZE)
        return IAM_BAD_TOKEN;
    payload = (struct str){(const char *)bytes, len - SEAL_SIZE};
    hash_hmac_by(sealing, payload, mac);
    if (!hash_equal(mac, bytes + payload.len, SEAL_SIZE))
        return IAM_BAD_TOKEN;
    r = json_parse(payload, ret, NULL);
    return r > 0 ? FAULT(EBADMSG) : r;
}

static void key_fill(const struct hash_key *sealing, const json_t *payload, const char *token,
                     struct iam_key *ret)
{
    struct principal *principal = &ret->principal;
    const char *name = json_str(payload, "name", "");
    str_copy(principal->account, sizeof(principal->account), json_str(payload, "account", ""));
    (void)snprintf(principal->arn, sizeof(principal->arn), "arn:aws:sts::%s:assumed-role/%s/%s",
                   principal->account, json_str(payload, "role", ""), name);
    (void)snprintf(principal->user_id, sizeof(principal->user_id), "%s:%s", json_str(payload, "id", ""),
                   name);
    principal->session = true;
    str_copy(principal->person, sizeof(principal->person), json_str(payload, "by", ""));
    secret_of(sealing, principal->access_key_id, ret->secret);
    str_copy(ret->session_token, sizeof(ret->session_token), token);
    ret->expires_ms = json_int(payload, "ends", 1);
    ret->active = true;
}

int session_find(struct tx *tx, const char *token, struct iam_key *ret)
{
    CLEANUP(json_free) json_t *payload = NULL;
    struct hash_key sealing;
    struct role role;
    int r = sealing_find(tx, &sealing);
    if (r == 0)
        r = token_read(&sealing, token, &payload);
    if (r != 0)
        return r == DB_NONE ? IAM_BAD_TOKEN : r;
    if (strcmp(json_str(payload, "key", ""), ret->principal.access_key_id) != 0)
        return IAM_BAD_TOKEN;
    r = role_get(tx, json_str(payload, "account", ""), json_str(payload, "role", ""), &role);
    if (r != 0 || strcmp(role.id, json_str(payload, "id", "")) != 0)
        return r < 0 ? r : IAM_BAD_TOKEN;
    key_fill(&sealing, payload, token, ret);
    return 0;
}
