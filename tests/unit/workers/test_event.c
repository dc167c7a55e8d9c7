/* S3's event notifications as the launcher reads them. */
#include "workers/launcher/event.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define RECORD(name, key)                                                                                    \
    "{\"eventName\":\"" name "\",\"s3\":{\"bucket\":{\"name\":\"artifacts\"},\"object\":{\"key\":\"" key     \
    "\",\"versionId\":\"v1\",\"sequencer\":\"0055\"}}}"

static int parse(const char *text, struct event *ret)
{
    struct reason why = {0};

    return event_parse(str_of(text), ret, &why);
}

static void created_objects_are_read_and_their_keys_decoded(void **state UNUSED)
{
    struct event event = {0};

    assert_int_equal(
        parse("{\"Records\":[" RECORD("ObjectCreated:Put", "5/shop/feature%2Fa+b/latest.zip") "," RECORD(
                  "ObjectRemoved:Delete", "other") "]}",
              &event),
        0);
    assert_int_equal(event.count, 1);
    assert_string_equal(event.records[0].key, "5/shop/feature/a b/latest.zip");
    assert_string_equal(event.records[0].bucket, "artifacts");
    assert_string_equal(event.records[0].version_id, "v1");
    event_deinit(&event);
}

static void the_test_event_asks_for_nothing(void **state UNUSED)
{
    struct event event = {0};

    assert_int_equal(
        parse("{\"Service\":\"Amazon S3\",\"Event\":\"s3:TestEvent\",\"Bucket\":\"artifacts\"}", &event), 0);
    assert_true(event.is_test);
    assert_int_equal(event.count, 0);
    event_deinit(&event);
}

static void what_is_no_event_is_refused(void **state UNUSED)
{
    static const char *const bodies[] = {
        "",
        "hello",
        "[]",
        "{}",
        "{\"Records\":[]}",
        "{\"Records\":{}}",
        "{\"Records\":[{\"eventName\":\"ObjectCreated:Put\"}]}",
        "{\"Records\":[" RECORD("ObjectCreated:Put", "bad%zz") "]}",
        "{\"Records\":[" RECORD("ObjectCreated:Put", "nul%00byte") "]}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct event event = {0};

        if (parse(bodies[i], &event) != EVENT_E_BAD)
            fail_msg("taken: %s", bodies[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(created_objects_are_read_and_their_keys_decoded),
        cmocka_unit_test(the_test_event_asks_for_nothing),
        cmocka_unit_test(what_is_no_event_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
