/* Sessions: a role's temporary credentials. Ended ones are swept when new ones are made. */
#include "base/clock.h"
#include "base/id.h"
#include "services/iam/iam.h"
#include "services/iam/names.h"
#include <stdio.h>

#define DURATION_MIN_S 900
#define KEY_RANDOM 16
#define SECRET_CHARS 40
#define TOKEN_CHARS 200
#define KEPT_MS (3600 * 1000) /* an ended session is told from an unknown one for so long */

static int check_spec(const struct session_spec *spec, const struct role *role, struct reason *reason)
{
    size_t len = strlen(spec->session_name);
    if (len < 2 || len > 64 || !iam_session_name_ok(spec->session_name))
        return reason_set(reason, IAM_INVALID,
                          "'%.64s' is no session name: 2 to 64 letters, digits and _+=,.@-",
                          spec->session_name);
    if (spec->duration_s < DURATION_MIN_S || spec->duration_s > role->max_session_s)
        return reason_set(reason, IAM_INVALID,
                          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    return 0;
}

static void make_up(const struct session_spec *spec, const struct role *role, struct session *ret)
{
    char random[KEY_RANDOM + 1];
    id_base32(random, KEY_RANDOM);
    (void)snprintf(ret->access_key_id, sizeof(ret->access_key_id), "ASIA%s", random);
    id_base62(ret->secret_access_key, SECRET_CHARS);
    id_base62(ret->session_token, TOKEN_CHARS);
    ret->expires_ms = clock_now_ms() + spec->duration_s * 1000;
    (void)snprintf(ret->arn, sizeof(ret->arn), "arn:aws:sts::%s:assumed-role/%s/%s", spec->account,
                   role->name, spec->session_name);
    (void)snprintf(ret->assumed_role_id, sizeof(ret->assumed_role_id), "%s:%s", role->id, spec->session_name);
}

int session_create(struct tx *tx, const struct platform *platform UNUSED, const struct session_spec *spec,
                   struct session *ret, struct reason *reason)
{
    struct role role;
    struct session session = {0};
    int r = role_get(tx, spec->account, spec->role_name, &role);
    if (r == IAM_NO_ENTITY)
        return reason_set(reason, r, "The role with name %.64s cannot be found.", spec->role_name);
    if (r == 0)
        r = check_spec(spec, &role, reason);
    if (r != 0)
        return r;
    make_up(spec, &role, &session);
    r = tx_exec(tx, "DELETE FROM iam_session WHERE expires_ms < $1", "i", clock_now_ms() - KEPT_MS);
    if (r == 0)
        r = tx_exec(
            tx,
            "INSERT INTO iam_session (key_id, account, role, role_id, name, secret, token, expires_ms)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            "sssssssi", session.access_key_id, spec->account, role.name, role.id, spec->session_name,
            session.secret_access_key, session.session_token, session.expires_ms);
    if (r == 0)
        *ret = session;
    return r == DB_EXISTS ? FAULT(EEXIST) : r;
}
