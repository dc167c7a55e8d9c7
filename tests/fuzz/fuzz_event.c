/* event_parse: S3 notifications in queue messages; and their keys. */
#include "fuzz.h"
#include "workers/launcher/event.h"
#include "workers/release_key.h"

void fuzz_one(struct str input)
{
    CLEANUP(event_deinit) struct event event = {0};
    struct release_key key;
    struct reason why = {0};
    int r = event_parse(input, &event, &why);

    assert(r == 0 || r == EVENT_E_BAD);
    for (size_t i = 0; r == 0 && i < event.count; i++)
        assert(release_key_parse(str_of(event.records[i].key), &key, &why) >= 0);
    assert(release_key_parse(input, &key, &why) >= 0);
}
