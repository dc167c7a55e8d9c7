/* globs: a pattern, a newline, a text. What is a pattern matches or does not; a text whose every character is
 * escaped matches itself. */
#include "fuzz.h"
#include "wire/glob.h"

static void matches_itself(struct str text)
{
    char escaped[GLOB_MAX * 2];
    struct glob glob;
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        if ((text.ptr[i] & 0xc0) != 0x80) /* not within a character */
            escaped[len++] = '\\';
        escaped[len++] = text.ptr[i];
    }
    if (glob_parse((struct str){escaped, len}, &glob, NULL) == 0)
        assert(glob_match(&glob, text));
}

void fuzz_one(struct str input)
{
    struct str text = input, pattern = str_split(&text, '\n');
    struct reason why = {0};
    struct glob glob;
    int r = glob_parse(pattern, &glob, &why);

    assert(r == 0 || (r == GLOB_E_SYNTAX && why.text[0] != '\0'));
    if (r == 0)
        (void)glob_match(&glob, text);
    if (text.len < GLOB_MAX)
        matches_itself(text);
}
