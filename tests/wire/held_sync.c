/* Loaded into a server under test: its database's syncs wait while somebody locks the file that HELD_SYNC
 * names, and one fails, after that, for each byte that was written into it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int is_to_fail(int held)
{
    struct stat found;
    return fstat(held, &found) == 0 && found.st_size > 0 && ftruncate(held, found.st_size - 1) == 0;
}

int fdatasync(int fd)
{
    int fails = 0;
    int held = open(getenv("HELD_SYNC"), O_RDWR | O_CLOEXEC);
    if (held >= 0) {
        (void)flock(held, LOCK_SH);
        fails = is_to_fail(held);
        (void)close(held);
    }
    errno = EIO;
    return fails ? -1 : (int)syscall(SYS_fdatasync, fd);
}
