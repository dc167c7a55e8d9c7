/* FilterLogEvents' term patterns: `error timeout` (both), `"out of memory"`, `-debug` (not), `?warn ?error`
 * (any; ignored beside other terms, as AWS does). Terms match anywhere, case matters. JSON and
 * space-delimited patterns and %regular expressions% are refused. Source: CloudWatch Logs User Guide, "Filter
 * pattern syntax". */
#pragma once

#include "base/arena.h"
#include "base/base.h"
#include "base/reason.h"

#define FILTER_PATTERN_E_BAD 1
#define FILTER_PATTERN_TERMS_MAX 100

enum filter_term_kind { FILTER_TERM_ALL, FILTER_TERM_NOT, FILTER_TERM_ANY };

struct filter_pattern {
    struct {
        enum filter_term_kind kind;
        struct str text;
    } terms[FILTER_PATTERN_TERMS_MAX];
    size_t count;
};

/* The pattern's terms borrow from the arena. FILTER_PATTERN_E_BAD. */
int filter_pattern_parse(struct arena *arena, struct str text, struct filter_pattern *ret,
                         struct reason *why) MUST_USE;
bool filter_pattern_matches(const struct filter_pattern *pattern, struct str message);
