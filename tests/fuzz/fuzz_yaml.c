/* yaml_parse, and the lines of what it read. */
#include "fuzz.h"
#include "wire/json.h"
#include "wire/yaml.h"

void fuzz_one(struct str input)
{
    CLEANUP(json_free) json_t *tree = NULL;
    CLEANUP(yaml_marks_free) struct yaml_marks *marks = NULL;
    struct reason why = {0};
    int r = yaml_parse(input, &tree, &marks, &why);

    assert(r == 0 || (r == YAML_E_SYNTAX && why.text[0] != '\0'));
    if (r == 0)
        assert(tree && yaml_line(marks, "Resources/none/of/that/name") == 0);
}
