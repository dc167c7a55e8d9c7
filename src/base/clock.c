/* Wall and monotonic time. */
#include "base/clock.h"
#include <stdatomic.h>
#include <time.h>

static int64_t (*_Atomic replaced)(void);

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    int failed = clock_gettime(id, &now);
    assert(!failed);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_now_ms(void)
{
    int64_t (*fn)(void) = atomic_load_explicit(&replaced, memory_order_acquire);
    return fn ? fn() : read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

void clock_set(int64_t (*fn)(void))
{
    atomic_store_explicit(&replaced, fn, memory_order_release);
}
