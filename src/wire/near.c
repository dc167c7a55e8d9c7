/* Edit distance with wildcards, by rows of the usual table. */
#include "wire/near.h"
#include "wire/json.h"
#include <ctype.h>

#define WITHIN 1 /* as near as one wrong letter is a name that has the whole pattern in it */
#define WITHIN_LEAST 3

struct row {
    size_t at[NEAR_MAX + 1];
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char low(struct str text, size_t i)
{
    return (char)tolower((unsigned char)text.ptr[i]);
}

static bool swapped(struct str a, size_t i, struct str b, size_t k)
{
    return i > 0 && k > 0 && low(a, i) == low(b, k - 1) && low(a, i - 1) == low(b, k);
}

/* `rows`: of the pattern's first i - 1, i and i + 1 characters; the last is filled. */
static void row_fill(struct str pattern, size_t i, struct str name, const struct row *before_last,
                     const struct row *last, struct row *ret)
{
    bool star = pattern.ptr[i] == '*';

    ret->at[0] = last->at[0] + !star;
    for (size_t k = 0; k < name.len; k++) {
        bool same = pattern.ptr[i] == '?' || low(pattern, i) == low(name, k);

        if (star) {
            ret->at[k + 1] = least(last->at[k + 1], ret->at[k]);
            continue;
        }
        ret->at[k + 1] = least(last->at[k] + !same, least(last->at[k + 1], ret->at[k]) + 1);
        if (swapped(pattern, i, name, k))
            ret->at[k + 1] = least(ret->at[k + 1], before_last->at[k - 1] + 1);
    }
}

size_t near_distance(struct str pattern, struct str name)
{
    struct row rows[3] = {0};

    if (pattern.len > NEAR_MAX || name.len > NEAR_MAX)
        return SIZE_MAX;
    for (size_t k = 0; k <= name.len; k++)
        rows[0].at[k] = k;
    for (size_t i = 0; i < pattern.len; i++)
        row_fill(pattern, i, name, &rows[(i + 2) % 3], &rows[i % 3], &rows[(i + 1) % 3]);
    return rows[pattern.len % 3].at[name.len];
}

/* How far the name is from what the pattern says; SIZE_MAX: nobody could mean it. */
static size_t farness(struct str pattern, struct str name)
{
    size_t letters = 0, distance = near_distance(pattern, name);

    for (size_t i = 0; i < pattern.len; i++)
        letters += pattern.ptr[i] != '*' && pattern.ptr[i] != '?';
    if (letters == pattern.len && letters >= WITHIN_LEAST && memmem(name.ptr, name.len, pattern.ptr, letters))
        distance = least(distance, WITHIN);
    return distance < letters && distance <= (letters > 5 ? letters / 3 : letters > 2) ? distance : SIZE_MAX;
}

int near_names(const char *pattern, const json_t *names, size_t max, json_t *ret)
{
    size_t found = 0, limit = json_array_size(ret) + max;
    size_t far[NEAR_MAX], first = json_array_size(ret);
    const char *name;
    const json_t *value;

    if (max > ARRAY_LEN(far))
        return FAULT(EINVAL);
    json_object_foreach ((json_t *)names, name, value) {
        size_t distance = farness(str_of(pattern), str_of(name)), i = found;

        while (i > 0 && far[i - 1] > distance)
            i--;
        if (distance == SIZE_MAX || i == max)
            continue;
        if (json_array_insert_new(ret, first + i, json_string(name)))
            return FAULT(ENOMEM);
        if (json_array_size(ret) > limit)
            (void)json_array_remove(ret, limit);
        found = found < max ? found + 1 : max;
        memmove(&far[i + 1], &far[i], (found - 1 - i) * sizeof(*far));
        far[i] = distance;
    }
    return 0;
}
