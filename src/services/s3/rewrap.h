/* The encryption keys that blobs are under, and their change. */
#pragma once

#include "base/base.h"
#include <stdatomic.h>

struct platform;

/* Whether the server has every key that a blob is under. SERVICE_REFUSED, said why on standard error. */
int blobs_check_keys(const struct platform *platform) MUST_USE;
/* Wraps the data keys of blobs again that are under another key than the ring's first, until none is left or
 * *stopping: afterwards the server can do without the other keys. */
int blobs_rewrap(const struct platform *platform, const atomic_bool *stopping) MUST_USE;
