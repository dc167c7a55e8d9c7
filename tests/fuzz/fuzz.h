/* One parser under mutated input. Each fuzz_NAME.c has one fuzz_one; driver.c feeds it. */
#pragma once

#include "base/base.h"

/* Reads the bytes as its parser would, checks what must always hold, frees everything. */
void fuzz_one(struct str input);
