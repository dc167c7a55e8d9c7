/* Which principals are one person: for those who count people. */
#pragma once

#include "base/base.h"

#define PERSON_SIZE 33 /* a digest's 32 hexadecimal digits */

/* Of an ARN of which no more is known: of a role's session, whose name anybody chooses, the role. */
void person_of_arn(const char *arn, char ret[PERSON_SIZE]);
/* Of the ARN as it is, with a session's name. */
void person_of_name(const char *arn, char ret[PERSON_SIZE]);
