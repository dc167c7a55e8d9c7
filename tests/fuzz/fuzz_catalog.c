/* catalog_parse and catalog_match. */
#include "fuzz.h"
#include "workers/catalog.h"

void fuzz_one(struct str input)
{
    struct catalog *catalog = NULL;
    struct reason why = {0};
    int r = catalog_parse(input, &catalog, &why);

    assert(r == 0 || (r == CATALOG_E_BAD && why.text[0] != '\0'));
    if (r == 0)
        (void)catalog_match(catalog, STR("555555555555"), STR("shop"), STR("feature/login"));
    catalog_free(&catalog);
}
