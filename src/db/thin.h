/* Which of the records that are run one behind the other need not be run: a row's change is not, when the
 * same statement changes the row again; and is not by itself, when the row is made by one of them, which then
 * makes it as it was changed to. What the records lead to is the same. Of tables without triggers and foreign
 * keys, whose key is one column of text that compares byte by byte.
 *
 * A step may break a constraint only because another was skipped: then all are to be run, instead. */
#pragma once

#include "base/base.h"
#include "db/conn.h"
#include "db/record.h"

struct thin;

/* One of the records. */
struct thin_step {
    struct record record;
    size_t size;                  /* its bytes */
    bool skipped;                 /* it need not be run */
    const struct thin_step *last; /* that amends it; NULL: none */
    const unsigned char *numbers; /* struct amendment's */
    struct str key;               /* of the row, if it is known */
};

/* `conn`, which is asked for the tables' keys, is the caller's while he calls thin_plan. */
int thin_new(struct conn *conn, struct thin **ret) MUST_USE;
void thin_free(struct thin **thin); /* CLEANUP-able */
/* The steps of these records, which stay where they are until the next plan, in their order. A fault,
 * -EBADMSG: there is no plan. */
int thin_plan(struct thin *thin, struct str records) MUST_USE;
void thin_forget(struct thin *thin); /* there is no plan */
/* The next one, once; NULL: that was all. */
const struct thin_step *thin_next(struct thin *thin);
bool thin_has_next(const struct thin *thin);
/* No step of the plan is skipped. */
bool thin_is_whole(const struct thin *thin);
