/* The log: a line is formed on the stack and written with one write, so lines of threads never mix. */
#include "base/log.h"
#include "base/clock.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static atomic_int threshold = LOG_LEVEL_INFO;
static const char *const names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
    atomic_store(&threshold, (int)level);
}

void log_from_env(void)
{
    const char *wanted = getenv("SLIPWAY_LOG");
    for (size_t i = 0; wanted && i < ARRAY_LEN(names); i++) {
        if (str_eqc(str_of(wanted), names[i]))
            log_set_level((enum log_level)i);
    }
}

static size_t put_time(char *line, size_t size)
{
    int64_t now_ms = clock_now_ms();
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    if (!gmtime_r(&seconds, &utc))
        return 0;
    size_t len = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &utc);
    int more = snprintf(line + len, size - len, ".%03dZ ", (int)(now_ms % 1000));
    return len + (size_t)more;
}

void log_write(enum log_level level, const char *room, const char *fmt, ...)
{
    if ((int)level < atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    int saved_errno = errno;
    char line[2048];
    size_t len = put_time(line, sizeof(line));
    int head = snprintf(line + len, sizeof(line) - len, "%s %s ", names[level], room);
    len += (size_t)head;
    va_list args;
    va_start(args, fmt);
    int body = vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
    va_end(args);
    size_t start = len;
    if (body > 0)
        len += (size_t)body < sizeof(line) - len - 1 ? (size_t)body : sizeof(line) - len - 2;
    for (size_t i = start; i < len; i++) {
        if ((unsigned char)line[i] < ' ')
            line[i] = ' ';
    }
    line[len++] = '\n';
    ssize_t ignored UNUSED = write(STDERR_FILENO, line, len); /* nowhere left to report its failure */
    errno = saved_errno;
}
