/* Glob patterns over names whose parts a `/` divides: `*`, `**` (across parts), `?`, `[a-z]`, `[!a-z]`,
 * `{a,b}` (not nested), `\` before a character that stands for itself. Source: CodePipeline user guide,
 * "Working with glob patterns in syntax", which are Java's. */
#pragma once

#include "base/base.h"
#include "base/reason.h"

#define GLOB_MAX 255 /* characters of a pattern */
#define GLOB_E_SYNTAX 1

struct glob {
    struct glob_token {
        uint8_t kind;
        bool inverted;
        uint8_t next;  /* of a group and its alternatives: the next one; 0: none */
        uint8_t close; /* of an alternative: its group's end */
        uint32_t code; /* a character of itself */
        struct str set;
    } tokens[GLOB_MAX + 1];
    size_t count;
};

/* Into *ret, which borrows the pattern's text (UTF-8). GLOB_E_SYNTAX, with words. */
int glob_parse(struct str pattern, struct glob *ret, struct reason *why) MUST_USE;
/* Does the whole text match? Takes at most GLOB_MAX steps for each of its characters. */
bool glob_match(const struct glob *glob, struct str text);
