/* Who makes a request: an access key's user or a role's session, in one account. */
#pragma once

#include "base/base.h"

struct principal {
    char account[13];  /* 12 digits */
    char arn[640];     /* arn:aws:iam::ACCOUNT:user/NAME or arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION */
    char user_id[160]; /* AIDA…, or AROA…:SESSION */
    char access_key_id[129];
    bool session; /* temporary credentials */
};
