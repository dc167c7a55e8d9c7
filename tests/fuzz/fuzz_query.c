/* A Query body as the dispatcher reads it: pairs, then members by a field table, then the table's checks. */
#include "fuzz.h"
#include "services/iam/shapes.h"
#include "services/shape.h"

void fuzz_one(struct str input)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(1 << 20);
    CLEANUP(json_free) json_t *value = NULL;
    struct reason why = {0};
    struct uri_query query;
    int r = uri_parse_query(arena, input, true, &query);

    if (r == 0)
        r = shape_from_query(&iam_create_role_in, &query, &value, &why);
    if (r == 0)
        r = shape_validate(&iam_create_role_in, value, &why);
    assert(r == 0 || r == URI_E_BAD || r == SHAPE_E_TYPE || (r == CALL_INVALID && why.text[0] != '\0'));
}
