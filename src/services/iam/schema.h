/* Tables of iam. */
#pragma once

#include "db/db.h"

extern const struct db_migration iam_migrations[];
extern const size_t iam_migration_count;
