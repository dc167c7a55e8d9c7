/* Tables of iam. */
#pragma once

#include "db/db.h"

#define IAM_MIGRATIONS 2
extern const struct db_migration iam_migrations[IAM_MIGRATIONS];
