/* Digests of ARNs: what two of them share says that they are one person. */
#include "wire/person.h"
#include "base/hash.h"

#define ASSUMED ":assumed-role/"

static void digest(struct str text, char ret[PERSON_SIZE])
{
    char hex[HASH_HEX_SIZE];

    hash_sha256_hex(text, hex);
    str_copy(ret, PERSON_SIZE, hex);
}

void person_of_name(const char *arn, char ret[PERSON_SIZE])
{
    digest(str_of(arn), ret);
}

void person_of_arn(const char *arn, char ret[PERSON_SIZE])
{
    const char *role = strstr(arn, ASSUMED), *session = strrchr(arn, '/');
    struct str text = str_of(arn);

    if (role && session > role + strlen(ASSUMED))
        text.len = (size_t)(session - arn);
    digest(text, ret);
}
