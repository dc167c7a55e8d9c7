/* A bit for each hash, of some thousands: most of the time a group has some dozens. */
#include "db/touched.h"

static size_t bit_of(uint64_t subject)
{
    return (size_t)((subject ^ subject >> 32) % TOUCHED_BITS);
}

void touched_add(struct touched *touched, uint64_t subject)
{
    size_t bit = bit_of(subject);
    touched->any = true;
    if (subject == DB_ANYTHING)
        touched->anything = true;
    else
        touched->bits[bit / 64] |= 1ULL << (bit % 64);
}

void touched_merge(struct touched *into, const struct touched *from)
{
    into->any = true;
    into->anything |= from->anything;
    for (size_t i = 0; i < TOUCHED_BITS / 64; i++)
        into->bits[i] |= from->bits[i];
}

bool touched_has(const struct touched *touched, uint64_t subject)
{
    size_t bit = bit_of(subject);
    if (subject == DB_ANYTHING || touched->anything)
        return touched->any;
    return (touched->bits[bit / 64] >> (bit % 64) & 1) != 0;
}
