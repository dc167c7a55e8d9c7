/* Files on their way through libmicrohttpd, in larger pieces than its own, and bodies of several places. */
#pragma once

#include "base/base.h"

struct places;

/* A file that libmicrohttpd is about to send, up to `end`. */
void sendfile_until(int fd, int64_t end);
/* Makes a descriptor, for libmicrohttpd to send and close, that stands for all of the places until they are
 * forgotten. False when it cannot be had. */
bool sendfile_places(struct places *places);
void sendfile_forget(struct places *places);
