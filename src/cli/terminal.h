/* What others wrote, on the reader's terminal: it moves no cursor, forges no line and turns no text around.
 */
#pragma once

#include "base/base.h"

#include <stdio.h>

/* How many bytes the character that `text` begins with has, if no terminal may be given it: a control
 * character (U+0080 to U+009F, too: U+009B is what ESC and [ are), or one that changes the direction of what
 * follows. 0: it may. */
size_t terminal_hidden(struct str text);
/* '?' for such a character, ' ' for an end of a line and a tab; those of `also` stay. */
void terminal_put(FILE *to, struct str text, const char *also);

/* As printf, but in one line, which `fmt` may end: what it is given is shown as terminal_put shows it. */
void cli_print(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* In one line, and blanks until it is `width` characters wide. */
void cli_print_cell(const char *text, size_t width);
size_t cli_width(const char *text);
/* In one line, which is not ended. */
void cli_print_text(const char *text);
/* The same, of lines, which stay lines. */
void cli_print_lines(const char *text);
/* Prints why something ended: of several lines, as of a log's end, the first and the last. Ends the line. */
void cli_print_why(const char *why);
/* A line of a build's log. A terminal gets its colours and nothing else that it would obey; a file or a
 * program gets what the build wrote. */
void cli_print_log(const char *message);
