/* See page_token.h. */
#include "services/page_token.h"
#include "base/hash.h"
#include "services/operation.h"
#include "wire/json.h"

#define SEAL_LEN 16

/* Of the input, as text: nobody else's page begins at this place. */
static int seal(struct call *c, const char *member, const char *place, char ret[SEAL_LEN + 1])
{
    CLEANUP(json_free) json_t *asked = json_copy(c->in);
    CLEANUP(free_ptr) char *text = NULL;
    const char *key, *sealed;
    json_t *value;
    void *next;

    json_object_foreach_safe(asked, next, key, value)
    {
        if (json_is_integer(value) || strcmp(key, member) == 0)
            (void)json_object_del(asked, key);
    }
    text = asked ? json_dumps(asked, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    sealed = text ? arena_printf(c->arena, "%s %s %s %s", c->operation->name, c->caller->account, place, text)
                  : NULL;
    if (!sealed)
        return FAULT(ENOMEM);
    (void)snprintf(ret, SEAL_LEN + 1, "%016llx", (unsigned long long)str_hash(str_of(sealed)));
    return 0;
}

int page_token_read(struct call *c, const char *member, const char **ret)
{
    struct str token = str_of(json_str(c->in, member, ""));
    char wanted[SEAL_LEN + 1];

    *ret = NULL;
    if (token.len == 0)
        return 0;
    if (token.len < SEAL_LEN || token.len % 2)
        return PAGE_TOKEN_BAD;
    size_t len = token.len - SEAL_LEN;
    char *place = arena_alloc(c->arena, len / 2 + 1);
    if (!place)
        return FAULT(ENOMEM);
    if (!hex_decode((struct str){token.ptr, len}, place) || memchr(place, '\0', len / 2))
        return PAGE_TOKEN_BAD;
    int r = seal(c, member, place, wanted);
    if (r)
        return r;
    if (!str_eqc((struct str){token.ptr + len, SEAL_LEN}, wanted))
        return PAGE_TOKEN_BAD;
    *ret = place;
    return 0;
}

int page_token_write(struct call *c, const char *member, const char *place)
{
    size_t len = strlen(place);
    char *token = arena_alloc(c->arena, 2 * len + SEAL_LEN + 1);
    if (!token)
        return FAULT(ENOMEM);
    hex_encode(place, len, token);
    int r = seal(c, member, place, token + 2 * len);
    return r ? r : json_put_str(c->out, member, token);
}
