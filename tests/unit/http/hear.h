/* A raw socket's other side. */
#pragma once

#include "base/base.h"
#include <sys/socket.h>

/* What comes until it ends with `end`, or the connection does. */
static inline char *hear(int fd, const char *end)
{
    static char heard[65536];
    size_t len = 0;
    heard[0] = '\0';
    while (len < sizeof(heard) - 1 && !str_ends((struct str){heard, len}, str_of(end))) {
        ssize_t n = recv(fd, heard + len, 1, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        heard[len] = '\0';
    }
    return heard;
}
