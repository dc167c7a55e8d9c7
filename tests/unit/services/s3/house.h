/* s3 and sqs over a database in a folder of its own: what tests of the domain put into and look at. */
#pragma once

#include "services/s3/object.h"
#include "services/service.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define HOUSE_ACCOUNT "222222222222"

struct house {
    char dir[64];
    struct platform platform;
    void *s3;
    bool quiet; /* s3's threads are stopped once it has swept: failures are the put's alone */
};

struct house *house_new(void); /* started */
void house_free(struct house *house);
void house_start(struct house *house);
void house_stop(struct house *house);
void house_restart(struct house *house);

struct house_object {
    const char *bucket;
    const char *key;
    struct str bytes;
    const char *tags; /* JSON; NULL: none */
};
/* What api_write.c does with a put, without its HTTP. */
int house_put(struct house *house, const struct house_object *object);
/* The number that the statement, a literal, gives. */
int64_t house_count(struct house *house, const char *sql);
