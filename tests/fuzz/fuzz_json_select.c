/* json_select: a path, a newline, a document. Whatever is checked as a path selects or says that it costs too
 * much. */
#include "fuzz.h"
#include "wire/json.h"
#include "wire/json_select.h"

void fuzz_one(struct str input)
{
    struct str rest = input, path = str_split(&rest, '\n');
    CLEANUP(json_free) json_t *document = NULL;
    CLEANUP(json_free) json_t *found = NULL;
    struct reason why = {0};
    int checked = json_select_check(path, &why), r = json_parse(rest, &document, NULL);

    assert(checked == 0 || (checked == JSON_SELECT_E_SYNTAX && why.text[0] != '\0'));
    if (r != 0)
        return;
    r = json_select(document, path, &found, &why);
    assert(checked != 0 ? r == checked : r == 0 || r == JSON_SELECT_E_MANY);
    assert(r != 0 || json_is_array(found));
}
