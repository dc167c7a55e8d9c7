/* Lists in pages of 100. A place in a list is a number and a name; a token is both, in hex. */
#pragma once

#include "services/service.h"

#define CODEBUILD_PAGE 100

struct page {
    bool descending;
    int64_t number;   /* go on after this place: before the first when no token was given */
    const char *name; /* in the call's arena; "" when no token was given */
};

/* By c->in's sortOrder (`descending` when it says nothing) and nextToken. CODEBUILD_E_INVALID. */
int codebuild_page_start(struct call *c, bool descending, struct page *ret) MUST_USE;
/* Fills c->out[member] from rows of (text to show, place's number, place's name), and nextToken when there
 * are more than a page. */
int codebuild_page_fill(struct call *c, struct rows *rows, const char *member) MUST_USE;
