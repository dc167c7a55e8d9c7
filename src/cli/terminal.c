/* See terminal.h. */
#include "cli/terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Characters of more than one byte that a terminal obeys. Of all, the last byte alone differs. */
static const struct {
    const char *before;
    unsigned char first, last;
} hidden[] = {
    {"\xc2", 0x80, 0x9f},     /* U+0080 to U+009F: control characters */
    {"\xd8", 0x9c, 0x9c},     /* U+061C: a mark of direction */
    {"\xe2\x80", 0x8e, 0x8f}, /* U+200E, U+200F: likewise */
    {"\xe2\x80", 0xa8, 0xae}, /* U+2028, U+2029: ends of lines; to U+202E: embeddings and overrides */
    {"\xe2\x81", 0xa6, 0xa9}, /* U+2066 to U+2069: isolates */
};

static struct str after(struct str text, size_t bytes)
{
    return (struct str){text.ptr + bytes, text.len - bytes};
}

size_t terminal_hidden(struct str text)
{
    unsigned char c = text.len > 0 ? (unsigned char)text.ptr[0] : 'x';

    if (c < ' ' || c == 0x7f)
        return 1;
    if (c < 0x80)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(hidden); i++) {
        size_t before = strlen(hidden[i].before);
        if (text.len <= before || !str_starts(text, str_of(hidden[i].before)))
            continue;
        unsigned char last = (unsigned char)text.ptr[before];
        if (last >= hidden[i].first && last <= hidden[i].last)
            return before + 1;
    }
    return 0;
}

void terminal_put(FILE *to, struct str text, const char *also)
{
    while (text.len > 0) {
        size_t bytes = terminal_hidden(text);
        char c = text.ptr[0];
        (void)fputc(!bytes || strchr(also, c) ? c : c == '\n' || c == '\t' ? ' ' : '?', to);
        text = after(text, bytes ? bytes : 1);
    }
}

void cli_print(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, fmt);
    int len = vasprintf(&text, fmt, args);
    va_end(args);
    if (len < 0)
        return;
    bool ends = str_ends(str_of(fmt), STR("\n"));
    terminal_put(stdout, (struct str){text, (size_t)len - ends}, "");
    if (ends)
        (void)putchar('\n');
    free(text);
}

/* Bytes that continue a character of UTF-8 have no width. */
size_t cli_width(const char *text)
{
    size_t width = 0;
    for (struct str rest = str_of(text); rest.len > 0;) {
        size_t bytes = terminal_hidden(rest);
        width += bytes || ((unsigned char)rest.ptr[0] & 0xc0) != 0x80;
        rest = after(rest, bytes ? bytes : 1);
    }
    return width;
}

void cli_print_cell(const char *text, size_t width)
{
    size_t taken = cli_width(text);
    cli_print_text(text);
    (void)printf("%*s", (int)(taken < width ? width - taken : 0), "");
}

void cli_print_text(const char *text)
{
    terminal_put(stdout, str_of(text), "");
}

void cli_print_lines(const char *text)
{
    terminal_put(stdout, str_of(text), "\n\t");
}

void cli_print_why(const char *why)
{
    struct str rest = str_trim(str_of(why)), first = str_split(&rest, '\n'), last = {0};
    while (rest.ptr)
        last = str_split(&rest, '\n');
    terminal_put(stdout, first, "");
    if (last.len > 0)
        (void)printf(" … ");
    terminal_put(stdout, last, "");
    (void)putchar('\n');
}

/* The length of the colour that it begins with, ESC [ 1;31 m; 0: of none. */
static size_t colour(const char *text)
{
    if (strncmp(text, "\033[", 2) != 0)
        return 0;
    size_t len = 2 + strspn(text + 2, "0123456789;:");
    return text[len] == 'm' ? len + 1 : 0;
}

/* Whoever leaves a colour on leaves none to the next line. */
static void put_coloured(const char *text, const char *end)
{
    bool coloured = false;
    while (text < end) {
        size_t len = colour(text);
        const char *plain = text + len;
        (void)fwrite(text, 1, len, stdout);
        coloured = coloured || len > 0;
        for (text = plain; text < end && !colour(text);)
            text++;
        terminal_put(stdout, (struct str){plain, (size_t)(text - plain)}, "\n\t\r");
    }
    if (coloured)
        (void)printf("\033[0m");
}

void cli_print_log(const char *message)
{
    struct str line = str_of(message);
    if (str_ends(line, STR("\n")))
        line.len--;
    if (isatty(STDOUT_FILENO))
        put_coloured(message, message + line.len);
    else
        (void)fwrite(message, 1, line.len, stdout);
    (void)putchar('\n');
}
