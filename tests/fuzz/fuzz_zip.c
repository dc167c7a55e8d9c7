/* zip_extract within small limits: nothing leaves its folder, and the folder can be removed. */
#include "base/io.h"
#include "fuzz.h"
#include "workers/zip.h"
#include <sys/mman.h>
#include <unistd.h>

static const struct zip_limits limits = {.entries = 32, .bytes = 1 << 20, .ratio = 100};

void fuzz_one(struct str input)
{
    char dir[] = "/tmp/slipway-fuzz-zip-XXXXXX";
    CLEANUP(close_fd) int fd = memfd_create("zip", MFD_CLOEXEC);
    struct reason why = {0};
    int r;

    assert(fd >= 0 && io_write_all(fd, input.ptr, input.len) == 0);
    assert(mkdtemp(dir));
    r = zip_extract(fd, dir, &limits, &why);
    assert(r <= 0 || (r == ZIP_E_BAD && why.text[0] != '\0'));
    r = io_remove_tree(dir);
    assert(r == 0);
}
