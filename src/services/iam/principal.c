/* The person behind a principal. */
#include "services/iam/principal.h"

void principal_person(const struct principal *principal, char ret[PERSON_SIZE])
{
    if (principal->person[0])
        str_copy(ret, PERSON_SIZE, principal->person);
    else
        person_of_arn(principal->arn, ret);
}
