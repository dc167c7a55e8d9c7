/* What the tests of stored pipelines share (store_fixture.c): a database of their own, in which a transaction
 * is open, and a clock that they set. */
#pragma once

#include "db/db.h"
#include "services/iam/principal.h"
#include "services/service.h"
#include "wire/json.h"

#define ACCOUNT "222222222222"

extern struct db *db;
extern struct tx *tx;
extern struct platform platform;
extern const struct principal me;
extern int64_t now_ms;

int setup(void **state);
int teardown(void **state);
struct job_leases;
/* What a worker is told of them. */
json_t *describe(const struct job_leases *leases);
/* JSON in which single quotes stand for double ones. */
json_t *parse(const char *text);
