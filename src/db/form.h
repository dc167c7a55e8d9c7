/* What a statement does, as far as its text says so by itself: rows that are made of parameters, or found by
 * one and changed to others. */
#pragma once

#include "base/base.h"

#define FORM_COLUMNS 32

enum form_kind {
    FORM_ANY,      /* may read and change anything */
    FORM_OF_TABLE, /* reads and changes one table */
    FORM_INSERT,   /* makes one new row, of parameters and literals */
    FORM_UPDATE,   /* sets columns to parameters, where one column has a parameter's value */
};

struct form_column {
    struct str name;
    unsigned parameter; /* $1 is 1; 0: a literal */
};

struct form {
    enum form_kind kind;
    struct str table; /* of all but FORM_ANY; this and the columns' names are parts of the text */
    size_t count;
    struct form_column columns[FORM_COLUMNS]; /* that are set */
    struct form_column where;                 /* FORM_UPDATE */
};

/* FORM_ANY for whatever it does not know: keywords are in capitals here, names without quotes. */
void form_read(struct str sql, struct form *ret);
