/* See page_token.h. */
#include "services/page_token.h"
#include "base/hash.h"

int page_token_read(struct call *c, const char *member, const char **ret)
{
    const char *token = json_str(c->in, member, "");
    *ret = NULL;
    if (!*token)
        return 0;
    size_t len = strlen(token);
    char *place = arena_alloc(c->arena, len / 2 + 1);
    if (!place)
        return FAULT(ENOMEM);
    if (len % 2 || !hex_decode(str_of(token), place) || memchr(place, '\0', len / 2))
        return PAGE_TOKEN_BAD;
    *ret = place;
    return 0;
}

int page_token_write(struct call *c, const char *member, const char *place)
{
    size_t len = strlen(place);
    char *token = arena_alloc(c->arena, 2 * len + 1);
    if (!token)
        return FAULT(ENOMEM);
    hex_encode(place, len, token);
    return json_put_str(c->out, member, token);
}
