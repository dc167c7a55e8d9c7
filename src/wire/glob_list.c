/* See glob_list.h. */
#include "wire/glob_list.h"

static bool any_matches(const json_t *patterns, struct str name)
{
    const json_t *pattern;
    struct glob glob;
    size_t i;

    json_array_foreach (patterns, i, pattern)
        if (json_is_string(pattern) && glob_parse(str_of(json_string_value(pattern)), &glob, NULL) == 0 &&
            glob_match(&glob, name))
            return true;
    return false;
}

bool glob_list_passes(const json_t *criteria, struct str name)
{
    const json_t *includes = json_object_get(criteria, "includes");

    return (!includes || any_matches(includes, name)) &&
           !any_matches(json_object_get(criteria, "excludes"), name);
}
