/* The Range header: an object's size, a newline, the header. What is read lies within the object. */
#include "fuzz.h"
#include "services/s3/api.h"
#include "services/s3/s3.h"

void fuzz_one(struct str input)
{
    struct str header = input, line = str_split(&header, '\n');
    struct range range;
    int64_t size = 0;

    if (!str_to_int(line, 0, INT64_MAX, &size))
        size = (int64_t)line.len;
    int r = range_read(header, size, &range);
    assert(r == 0 || r == S3_E_RANGE);
    if (r != 0)
        return;
    assert(range.offset >= 0 && range.len >= 0 && range.len <= size && range.offset <= size - range.len);
    assert(range.partial ? range.len > 0 : range.offset == 0 && range.len == size);
}
