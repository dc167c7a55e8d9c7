/* Loaded into a server under test: its database's syncs wait while somebody locks the file that HELD_SYNC
 * names. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
    int held = open(getenv("HELD_SYNC"), O_RDONLY | O_CLOEXEC);
    if (held >= 0) {
        (void)flock(held, LOCK_SH);
        (void)close(held);
    }
    return (int)syscall(SYS_fdatasync, fd);
}
