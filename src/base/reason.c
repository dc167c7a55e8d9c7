/* Words beside an outcome. */
#include "base/reason.h"
#include <stdarg.h>
#include <stdio.h>

int reason_set(struct reason *reason, int outcome, const char *fmt, ...)
{
    if (!reason)
        return outcome;
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(reason->text, sizeof(reason->text), fmt, args);
    va_end(args);
    if (len < 0) {
        reason->text[0] = '\0';
    } else if ((size_t)len >= sizeof(reason->text)) {
        size_t end = sizeof(reason->text) - 1;
        size_t start = end - 1;
        while (start > 0 && ((unsigned char)reason->text[start] & 0xc0) == 0x80)
            start--;
        unsigned char lead = (unsigned char)reason->text[start];
        size_t want = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
        if (start + want > end)
            reason->text[start] = '\0';
    }
    return outcome;
}
