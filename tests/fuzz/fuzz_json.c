/* json_parse: what is read is written and read again as the same. */
#include "fuzz.h"
#include "wire/json.h"

void fuzz_one(struct str input)
{
    CLEANUP(json_free) json_t *first = NULL;
    CLEANUP(json_free) json_t *second = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    struct reason why = {0};
    int r = json_parse(input, &first, &why);

    assert(r == 0 || (r == JSON_E_SYNTAX && why.text[0] != '\0'));
    if (r != 0)
        return;
    text = json_text(first);
    assert(text);
    r = json_parse(str_of(text), &second, &why);
    assert(r == 0 && json_equal(first, second));
}
