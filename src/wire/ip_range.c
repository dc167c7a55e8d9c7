/* Blocks of addresses. */
#include "wire/ip_range.h"
#include <arpa/inet.h>

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool address_parse(struct str text, int *ret_family, unsigned char ret[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *ret_family = strchr(copy, ':') ? AF_INET6 : AF_INET;
    return inet_pton(*ret_family, copy, ret) == 1;
}

bool ip_range_parse(struct str text, struct ip_range *ret)
{
    struct str rest = text, address = str_split(&rest, '/');
    int64_t prefix;

    if (!rest.ptr || !address_parse(address, &ret->family, ret->first) ||
        !str_to_int(rest, 0, ret->family == AF_INET6 ? 128 : 32, &prefix))
        return false;
    ret->prefix = (int)prefix;
    return true;
}

bool ip_range_has(const struct ip_range *range, struct str address)
{
    unsigned char bytes[16];
    int family, whole = range->prefix / 8, rest = range->prefix % 8;

    if (!address_parse(address, &family, bytes))
        return false;
    if (family == AF_INET6 && range->family == AF_INET && memcmp(bytes, mapped, sizeof(mapped)) == 0) {
        memmove(bytes, bytes + sizeof(mapped), 4);
        family = AF_INET;
    }
    if (family != range->family || memcmp(bytes, range->first, (size_t)whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] ^ range->first[whole]) >> (8 - rest) == 0;
}
