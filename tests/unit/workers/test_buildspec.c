/* buildspec.yml 0.2: read strictly; artifact patterns. */
#include "workers/anchor/build_artifacts.h"
#include "workers/anchor/buildspec.h"
#include "workers/anchor/buildspec_memo.h"
#include <stdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void assert_bad(const char *text, const char *expected)
{
    struct buildspec spec = {0};
    struct reason why = {0};

    assert_int_equal(buildspec_parse(str_of(text), &spec, &why), BUILDSPEC_E_BAD);
    if (!strstr(why.text, expected))
        fail_msg("'%s' is not in '%s'", expected, why.text);
}

static void a_whole_buildspec_is_read(void **state UNUSED)
{
    static const char text[] = "version: 0.2\n"
                               "env:\n"
                               "  shell: bash\n"
                               "  variables: {GREETING: hello, COUNT: 3, LOUD: true}\n"
                               "  parameter-store: {TOKEN: /ci/token}\n"
                               "  exported-variables: [VERSION]\n"
                               "phases:\n"
                               "  install: {runtime-versions: {nodejs: 18}}\n"
                               "  build:\n"
                               "    on-failure: CONTINUE\n"
                               "    commands:\n"
                               "      - make\n"
                               "      - |\n"
                               "        a\n"
                               "        b\n"
                               "    finally: [echo done]\n"
                               "artifacts: {files: ['**/*'], base-directory: out, discard-paths: yes}\n"
                               "cache: {paths: [x]}\n";
    struct buildspec spec = {0};
    struct reason why = {0};

    if (buildspec_parse(str_of(text), &spec, &why))
        fail_msg("%s", why.text);
    assert_string_equal(spec.shell, "bash");
    assert_string_equal(json_string_value(json_object_get(spec.variables, "COUNT")), "3");
    assert_string_equal(json_string_value(json_object_get(spec.variables, "LOUD")), "true");
    assert_int_equal(json_array_size(spec.phases[PHASE_BUILD].commands), 2);
    assert_string_equal(json_string_value(json_array_get(spec.phases[PHASE_BUILD].commands, 1)), "a\nb\n");
    assert_true(spec.phases[PHASE_BUILD].on_failure_continue);
    assert_null(spec.phases[PHASE_POST_BUILD].commands);
    assert_true(spec.artifact_flat);
    assert_string_equal(spec.artifact_base, "out");
    assert_non_null(strstr(spec.ignored.ptr, "cache"));
    assert_non_null(strstr(spec.ignored.ptr, "runtime-versions"));
    buildspec_deinit(&spec);
}

/* The same text again, others meanwhile, and one that is not good. */
static void what_was_parsed_lately_is_as_parsed_now(void **state UNUSED)
{
    enum { OTHERS = 40 };
    struct buildspec_memo *memo = NULL;
    struct reason why = {0};

    assert_int_equal(buildspec_memo_new(&memo), 0);
    for (int i = 0; i < 3 * OTHERS; i++) {
        char text[200], command[32];
        struct buildspec spec = {0}, again = {0};

        snprintf(command, sizeof(command), "echo %d", i % OTHERS);
        snprintf(text, sizeof(text), "version: 0.2\nphases: {build: {commands: [%s]}}\ncache: {paths: [x]}\n",
                 command);
        assert_int_equal(buildspec_memo_parse(memo, str_of(text), &spec, &why), 0);
        assert_int_equal(buildspec_memo_parse(memo, str_of(text), &again, &why), 0);
        buildspec_deinit(&spec);
        assert_string_equal(json_string_value(json_array_get(again.phases[PHASE_BUILD].commands, 0)),
                            command);
        assert_non_null(strstr(again.ignored.ptr, "cache"));
        assert_string_equal(again.shell, "sh");
        text[0] = 'w';
        assert_int_equal(buildspec_memo_parse(memo, str_of(text), &spec, &why), BUILDSPEC_E_BAD);
        assert_int_equal(buildspec_memo_parse(memo, STR(""), &spec, &why), BUILDSPEC_E_BAD);
        if (i == 2 * OTHERS) { /* what it gave outlives it */
            buildspec_memo_free(&memo);
            assert_int_equal(buildspec_memo_new(&memo), 0);
            assert_string_equal(again.shell, "sh");
        }
        buildspec_deinit(&again);
    }
    buildspec_memo_free(&memo);
}

static void mistakes_are_refused_with_their_place(void **state UNUSED)
{
    assert_bad("phases: {build: {commands: [x]}}\n", "version");
    assert_bad("version: 0.1\nphases: {build: {commands: [x]}}\n", "must be 0.2");
    assert_bad("version: 0.2\n", "phases");
    assert_bad("version: 0.2\nphases:\n  biuld: {commands: [x]}\n", "line 3: phases/biuld");
    assert_bad("version: 0.2\nphases: {build: {commands: x}}\n", "list of texts");
    assert_bad("version: 0.2\nphases: {build: {on-failure: MAYBE}}\n", "ABORT or CONTINUE");
    assert_bad("version: 0.2\nphases: {build: {}}\nartifacts: {files: [a], secondary-artifacts: {}}\n",
               "does not support");
    assert_bad("version: 0.2\nenv: {secrets-manager: {A: b}}\nphases: {}\n", "does not support");
    assert_bad("version: 0.2\nenv: {variables: {'A-B': x}}\nphases: {}\n", "map names to texts");
    assert_bad("version: 0.2\nphases: [\n", "cannot be read");
}

static void patterns_match_as_in_codebuild(void **state UNUSED)
{
    assert_true(artifact_pattern_match("**/*", "a.txt"));
    assert_true(artifact_pattern_match("**/*", "d/e/a.txt"));
    assert_true(artifact_pattern_match("a.txt", "a.txt"));
    assert_false(artifact_pattern_match("a.txt", "d/a.txt"));
    assert_true(artifact_pattern_match("*.txt", "a.txt"));
    assert_false(artifact_pattern_match("*.txt", "d/a.txt"));
    assert_true(artifact_pattern_match("d/*", "d/a.txt"));
    assert_false(artifact_pattern_match("d/*", "d/e/a.txt"));
    assert_true(artifact_pattern_match("d/**/*", "d/e/a.txt"));
    assert_true(artifact_pattern_match("**/*.txt", "a.txt"));
    assert_true(artifact_pattern_match("./a.txt", "a.txt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_buildspec_is_read),
        cmocka_unit_test(what_was_parsed_lately_is_as_parsed_now),
        cmocka_unit_test(mistakes_are_refused_with_their_place),
        cmocka_unit_test(patterns_match_as_in_codebuild),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
