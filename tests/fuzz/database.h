/* An empty database for parsers that look something up. */
#pragma once

#include "db/db.h"

/* With these tables; removed when the program ends. */
struct db *fuzz_database(const struct db_schema *schemas, size_t count);
