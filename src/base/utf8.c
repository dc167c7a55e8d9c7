/* See utf8.h. */
#include "base/utf8.h"

#define REPLACEMENT "\xef\xbf\xbd"

size_t utf8_length(struct str text)
{
    const unsigned char *s = (const unsigned char *)text.ptr;
    size_t want = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 : 4;

    if (want > text.len || s[0] >= 0xf5 || (s[0] >= 0x80 && s[0] < 0xc2))
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return want;
}

void utf8_mend(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len;) {
        size_t len = utf8_length((struct str){text.ptr + i, text.len - i});

        if (len == 0 || text.ptr[i] == '\0')
            buf_puts(out, REPLACEMENT);
        else
            buf_put(out, text.ptr + i, len);
        i += len ? len : 1;
    }
}
