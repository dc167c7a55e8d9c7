/* See event.h. */
#include "workers/launcher/event.h"
#include "base/arena.h"
#include "base/mem.h"
#include "wire/json.h"
#include "wire/uri.h"

#define KEY_MAX_BYTES 4096

static int key_decode(const char *text, char **ret)
{
    CLEANUP(arena_free) struct arena *arena = arena_new(KEY_MAX_BYTES + 1024);
    struct str key;
    int r;

    if (!arena)
        return FAULT(ENOMEM);
    r = uri_decode(arena, str_of(text), true, &key);
    if (r)
        return r < 0 ? r : EVENT_E_BAD;
    if (key.len == 0 || memchr(key.ptr, '\0', key.len))
        return EVENT_E_BAD;
    *ret = str_dup(key);
    return *ret ? 0 : FAULT(ENOMEM);
}

static const char *text_at(const json_t *record, const char *path)
{
    const char *text = json_string_value(json_path(record, path));

    return text ? text : "";
}

static int record_read(const json_t *record, struct event *event, struct reason *why)
{
    struct event_record *to = &event->records[event->count];
    const char *bucket = text_at(record, "s3.bucket.name");
    const char *key = text_at(record, "s3.object.key");
    int r;

    if (!str_starts(str_of(json_str(record, "eventName", "")), STR("ObjectCreated:")))
        return 0;
    if (!bucket[0] || !key[0] || strlen(key) > KEY_MAX_BYTES)
        return reason_set(why, EVENT_E_BAD, "the event's record has no bucket or no key");
    r = key_decode(key, &to->key);
    if (r)
        return r < 0 ? r : reason_set(why, EVENT_E_BAD, "the event's key '%s' is not well encoded", key);
    event->count++;
    to->bucket = str_dup(str_of(bucket));
    to->version_id = str_dup(str_of(text_at(record, "s3.object.versionId")));
    to->sequencer = str_dup(str_of(text_at(record, "s3.object.sequencer")));
    return to->bucket && to->version_id && to->sequencer ? 0 : FAULT(ENOMEM);
}

int event_parse(struct str body, struct event *ret, struct reason *why)
{
    CLEANUP(json_free) json_t *tree = NULL;
    CLEANUP(event_deinit) struct event event = {0};
    const json_t *records, *record;
    size_t i;
    int r = json_parse(body, &tree, why);

    if (r)
        return r < 0 ? r : EVENT_E_BAD;
    event.is_test = strcmp(json_str(tree, "Event", ""), "s3:TestEvent") == 0;
    records = json_object_get(tree, "Records");
    if (!event.is_test && (json_array_size(records) == 0 || json_array_size(records) > EVENT_RECORDS_MAX))
        return reason_set(why, EVENT_E_BAD, "the message is not an S3 event: it has no Records");
    event.records = mem_alloc((json_array_size(records) + 1) * sizeof(*event.records));
    if (!event.records)
        return FAULT(ENOMEM);
    json_array_foreach (records, i, record) {
        r = record_read(record, &event, why);
        if (r)
            return r;
    }
    *ret = event;
    event = (struct event){0};
    return 0;
}

void event_deinit(struct event *event)
{
    for (size_t i = 0; i < event->count; i++) {
        free(event->records[i].bucket);
        free(event->records[i].key);
        free(event->records[i].version_id);
        free(event->records[i].sequencer);
    }
    free(event->records);
    *event = (struct event){0};
}
