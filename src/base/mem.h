/* Allocation with a fault-injection point (base/fail.h). Free with free(). */
#pragma once

#include "base/base.h"

void *mem_alloc(size_t size) MUST_USE; /* zeroed; NULL when out of memory */
void *mem_realloc(void *ptr, size_t size) MUST_USE;
