/* In a folder of its own, for the life of the program. */
#include "database.h"
#include "base/io.h"
#include <stdio.h>
#include <stdlib.h>

static char folder[] = "/tmp/slipway-fuzz-db-XXXXXX";

static void folder_remove(void)
{
    if (io_remove_tree(folder))
        (void)fprintf(stderr, "fuzz: %s is left behind\n", folder);
}

struct db *fuzz_database(const struct db_schema *schemas, size_t count)
{
    const char *newer = NULL;
    char path[sizeof(folder) + 8];
    struct db *db = NULL;
    bool made = mkdtemp(folder) && atexit(folder_remove) == 0;

    (void)snprintf(path, sizeof(path), "%s/db", folder);
    if (!made || db_open(path, &db) || db_migrate(db, schemas, count, &newer))
        abort();
    return db;
}
