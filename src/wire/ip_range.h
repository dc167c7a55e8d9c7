/* Blocks of IPv4 and IPv6 addresses as CIDR writes them. Source: RFC 4632, RFC 4291. */
#pragma once

#include "base/base.h"

struct ip_range {
    int family;
    unsigned char first[16];
    int prefix; /* bits */
};

/* "10.0.0.0/8", "2001:db8::/32"; false when it is no such text. */
bool ip_range_parse(struct str text, struct ip_range *ret);
/* Is the address in it? An IPv4 address in IPv6's clothes (::ffff:10.0.0.1) is an IPv4 address. */
bool ip_range_has(const struct ip_range *range, struct str address);
