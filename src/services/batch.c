/* See batch.h. */
#include "services/batch.h"
#include <ctype.h>

#define ENTRY_ID_MAX 80

static const char *id_of(const json_t *entries, size_t index)
{
    return json_str(json_array_get(entries, index), "Id", "");
}

static bool id_ok(const char *id)
{
    size_t len = strlen(id);
    for (size_t i = 0; i < len; i++)
        if (!isalnum((unsigned char)id[i]) && id[i] != '-' && id[i] != '_')
            return false;
    return len >= 1 && len <= ENTRY_ID_MAX;
}

static bool seen_before(const json_t *entries, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(id_of(entries, i), id_of(entries, index)) == 0)
            return true;
    return false;
}

enum batch_flaw batch_check(const json_t *entries, size_t most, const char **ret_id)
{
    size_t count = json_array_size(entries);
    *ret_id = NULL;
    if (count == 0 || count > most)
        return count == 0 ? BATCH_EMPTY : BATCH_TOO_MANY;
    for (size_t i = 0; i < count; i++) {
        *ret_id = id_of(entries, i);
        if (!id_ok(*ret_id) || seen_before(entries, i))
            return id_ok(*ret_id) ? BATCH_REPEATED_ID : BATCH_BAD_ID;
    }
    *ret_id = NULL;
    return BATCH_SOUND;
}
