/* Pipelines out of a seed: valid ones, and mutations of them. The same seed gives the same. */
#pragma once

#include "base/base.h"
#include <jansson.h>

struct maker {
    uint64_t state;
};

void maker_init(struct maker *maker, uint64_t seed);
size_t maker_below(struct maker *maker, size_t limit); /* 0 … limit - 1 */
bool maker_one_in(struct maker *maker, size_t n);
/* A declaration that must be accepted. */
json_t *maker_pipeline(struct maker *maker);
/* Changes one place of the tree to something else: mostly no longer valid. */
void maker_mutate(struct maker *maker, json_t *declaration);
