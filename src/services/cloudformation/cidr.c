/* Fn::Cidr: the first blocks of a given size within an IPv4 or IPv6 block. */
#include "services/cloudformation/scope.h"
#include <arpa/inet.h>
#include <stdio.h>

__extension__ typedef unsigned __int128 address; /* an integer type that C has no short name for */

struct block {
    int family;
    int64_t width; /* bits of an address */
    int64_t prefix;
    address first;
};

static bool block_parse(const char *text, struct block *ret)
{
    char host[64];
    unsigned char bytes[16];
    struct str rest = str_of(text);
    struct str name = str_split(&rest, '/');

    if (name.len >= sizeof(host) || !rest.ptr)
        return false;
    memcpy(host, name.ptr, name.len);
    host[name.len] = '\0';
    ret->family = strchr(host, ':') ? AF_INET6 : AF_INET;
    ret->width = ret->family == AF_INET6 ? 128 : 32;
    if (inet_pton(ret->family, host, bytes) != 1 || !str_to_int(rest, 0, ret->width, &ret->prefix))
        return false;
    ret->first = 0;
    for (int64_t i = 0; i < ret->width / 8; i++)
        ret->first = ret->first << 8 | bytes[i];
    if (ret->prefix < ret->width) {
        int64_t low = ret->width - ret->prefix;
        ret->first = low == 128 ? 0 : ret->first >> low << low;
    }
    return true;
}

static json_t *block_text(const struct block *block, address first, int64_t prefix)
{
    unsigned char bytes[16];
    char text[INET6_ADDRSTRLEN];
    char whole[INET6_ADDRSTRLEN + 24];

    for (int64_t i = block->width / 8 - 1; i >= 0; i--, first >>= 8)
        bytes[i] = (unsigned char)first;
    if (!inet_ntop(block->family, bytes, text, sizeof(text)))
        return NULL;
    (void)snprintf(whole, sizeof(whole), "%s/%lld", text, (long long)prefix);
    return json_string(whole);
}

int cidr_split(struct scope *s, const char *text, int64_t count, int64_t bits, json_t **ret)
{
    struct block block;
    CLEANUP(json_decrefp) json_t *list = json_array();

    if (!block_parse(text, &block))
        return scope_fail(s, "Fn::Cidr: %.100s is no CIDR block", text);
    if (count < 1 || count > 256)
        return scope_fail(s, "Fn::Cidr: the count must be between 1 and 256");
    int64_t prefix = block.width - bits;
    if (bits < 1 || bits >= block.width || prefix < block.prefix ||
        (prefix - block.prefix < 9 && count > (int64_t)1 << (prefix - block.prefix)))
        return scope_fail(s, "Fn::Cidr: %lld blocks of %lld bits do not fit in %.100s", (long long)count,
                          (long long)bits, text);
    for (int64_t i = 0; i < count; i++)
        if (json_array_append_new(list, block_text(&block, block.first + ((address)i << bits), prefix)))
            return FAULT(ENOMEM);
    *ret = take(list);
    return 0;
}
