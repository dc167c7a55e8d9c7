/* Processes that live in folders: their working folder is there. A build without a sandbox can leave some.
 *
 * Who has nothing there but open descriptors is not looked for. Files that were open are unlinked, and are
 * nobody else's; a folder that was open is the next build's under its new name, and such a process could make
 * files there by openat(). That is no more than it may without it, as builds without a sandbox are one user's
 * and may all write to each other's folders by their paths; and to look at every descriptor of a machine
 * costs more than the folders that are made anew. */
#pragma once

#include "base/buf.h"

struct dwellers {
    struct buf places; /* paths relative to the folder that they were looked for in, each with its NUL */
};

/* All that this user may see, anywhere below a folder. It takes some microseconds for each process of the
 * machine. A fault: it is not known. */
int dwellers_find(const char *folder, struct dwellers *ret) MUST_USE;
/* `path` is relative to that folder. */
bool dwellers_are_in(const struct dwellers *dwellers, const char *path);
void dwellers_deinit(struct dwellers *dwellers); /* CLEANUP-able on a zeroed one */
