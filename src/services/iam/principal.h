/* Who makes a request: an access key's user or a role's session, in one account. */
#pragma once

#include "wire/person.h"

struct principal {
    char account[13];  /* 12 digits */
    char arn[640];     /* arn:aws:iam::ACCOUNT:user/NAME or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION */
    char user_id[160]; /* AIDA…, or AROA…:SESSION */
    char access_key_id[129];
    bool session;             /* temporary credentials */
    char person[PERSON_SIZE]; /* of a session: whoever assumed the role; empty: nobody knows */
};

/* A person, for those who count them: a digest that is the same for one long-lived key's principal whatever
 * roles it assumes, and whatever it calls the sessions. Of a session of which nobody knows who it is: its
 * role. */
void principal_person(const struct principal *principal, char ret[PERSON_SIZE]);
