/* Tables of iam. A key whose user is '' is the account's root user's. */
#include "services/iam/schema.h"

static const char first[] =
    "CREATE TABLE iam_account (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, created_ms BIGINT NOT NULL);"
    "CREATE TABLE iam_user (account TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, path TEXT NOT NULL,"
    " created_ms BIGINT NOT NULL, PRIMARY KEY (account, name));"
    "CREATE TABLE iam_key (id TEXT PRIMARY KEY, account TEXT NOT NULL, user_name TEXT NOT NULL,"
    " secret TEXT NOT NULL, active BIGINT NOT NULL, created_ms BIGINT NOT NULL);"
    "CREATE INDEX iam_key_user ON iam_key (account, user_name, created_ms);"
    "CREATE TABLE iam_role (account TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, path TEXT NOT NULL,"
    " trust TEXT NOT NULL, description TEXT, max_session_s BIGINT NOT NULL, tags TEXT,"
    " created_ms BIGINT NOT NULL, PRIMARY KEY (account, name));"
    "CREATE TABLE iam_role_policy (account TEXT NOT NULL, role TEXT NOT NULL, name TEXT NOT NULL,"
    " document TEXT NOT NULL, PRIMARY KEY (account, role, name));"
    "CREATE TABLE iam_role_attachment (account TEXT NOT NULL, role TEXT NOT NULL, arn TEXT NOT NULL,"
    " PRIMARY KEY (account, role, arn));"
    "CREATE TABLE iam_session (key_id TEXT PRIMARY KEY, account TEXT NOT NULL, role TEXT NOT NULL,"
    " role_id TEXT NOT NULL, name TEXT NOT NULL, secret TEXT NOT NULL, token TEXT NOT NULL,"
    " expires_ms BIGINT NOT NULL);"
    "CREATE INDEX iam_session_expiry ON iam_session (expires_ms);"
    "CREATE INDEX iam_session_role ON iam_session (account, role);";

const struct db_migration iam_migrations[IAM_MIGRATIONS] = {
    {1, first},
    {2, "DROP TABLE iam_session;"
        "CREATE TABLE iam_sealing (id BIGINT PRIMARY KEY, key TEXT NOT NULL);"},
};
