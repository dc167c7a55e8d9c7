/* buildspec_parse. */
#include "fuzz.h"
#include "workers/anchor/buildspec.h"

void fuzz_one(struct str input)
{
    struct buildspec spec = {0};
    struct reason why = {0};
    int r = buildspec_parse(input, &spec, &why);

    assert(r == 0 || (r == BUILDSPEC_E_BAD && why.text[0] != '\0'));
    if (r == 0)
        buildspec_deinit(&spec);
}
