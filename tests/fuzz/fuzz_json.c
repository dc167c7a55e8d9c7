/* json_parse: what is read is written and read again as the same. json_read: as the library reads it. */
#include "fuzz.h"
#include "wire/json_read.h"

static void read_alike(struct str input)
{
    CLEANUP(json_free) json_t *ours = json_read(input, JSON_MAX_DEPTH, true);
    CLEANUP(json_free) json_t *theirs = NULL;

    if (!ours)
        return;
    theirs = json_loadb(input.ptr, input.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    assert(theirs && json_equal(ours, theirs));
}

void fuzz_one(struct str input)
{
    CLEANUP(json_free) json_t *first = NULL;
    CLEANUP(json_free) json_t *second = NULL;
    CLEANUP(free_ptr) char *text = NULL;
    struct reason why = {0};
    int r = json_parse(input, &first, &why);

    read_alike(input);
    assert(r == 0 || (r == JSON_E_SYNTAX && why.text[0] != '\0'));
    if (r != 0)
        return;
    text = json_text(first);
    assert(text);
    r = json_parse(str_of(text), &second, &why);
    assert(r == 0 && json_equal(first, second));
}
