/* What CodeBuild is asked for an action: by its kind, with its artifacts, variables and token. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/build_order.h"
#include "wire/json.h"

#define CONTEXT "\"pipelineContext\":{\"pipelineName\":\"p\",\"action\":{\"actionExecutionId\":\"run\"}}"
#define PLACE(key) "\"location\":{\"s3Location\":{\"bucketName\":\"b\",\"objectKey\":\"" key "\"}}"
#define INPUTS "\"inputArtifacts\":[{\"name\":\"App\",\"sha256\":\"ab\"," PLACE("k/in") "}]"
#define TYPE(provider)                                                                                       \
    "\"actionTypeId\":{\"category\":\"Build\",\"owner\":\"AWS\",\"provider\":\"" provider "\"}"
#define CONFIGURED(text) "\"actionConfiguration\":{\"configuration\":{" text "}}"

static int order(const char *data, char **ret_text, struct reason *why)
{
    CLEANUP(json_free) json_t *tree = NULL;
    CLEANUP(json_free) json_t *in = NULL;
    int r;

    assert_int_equal(json_parse(str_of(data), &tree, NULL), 0);
    r = build_order_make(tree, "job", &in, why);
    *ret_text = r == 0 ? json_text(in) : NULL;
    return r;
}

static void holds(const char *data, const char *expected)
{
    CLEANUP(free_ptr) char *text = NULL;

    assert_int_equal(order(data, &text, NULL), 0);
    assert_string_equal(text, expected);
}

static void refuses(const char *data, const char *words)
{
    CLEANUP(free_ptr) char *text = NULL;
    struct reason why = {{0}};

    assert_int_equal(order(data, &text, &why), BUILD_ORDER_E_BAD);
    if (!strstr(why.text, words))
        fail_msg("'%s' is not in: %s", words, why.text);
}

static void test_a_project_is_built_from_the_input_artifact(void **state)
{
    (void)state;
    holds(
        "{" TYPE("CodeBuild") "," CONTEXT "," INPUTS "," CONFIGURED(
            "\"ProjectName\":\"q\",\"EnvironmentVariables\":\"[{\\\"name\\\":\\\"A\\\"}"
            "]\"") ","
                   "\"environmentVariables\":[{\"name\":\"B\"}],\"outputArtifacts\":[{"
                   "\"name\":\"Out\"," PLACE("x/y/z") "}]}",
        "{\"artifactsOverride\":{\"location\":\"b\",\"name\":\"z\",\"namespaceType\":\"NONE\",\"packaging\":"
        "\"ZIP\","
        "\"path\":\"x/y\",\"type\":\"S3\"},\"environmentVariablesOverride\":[{\"name\":\"A\"},"
        "{\"name\":\"SLIPWAY_SOURCE_SHA256\",\"type\":\"PLAINTEXT\",\"value\":\"ab\"},{\"name\":\"B\"}],"
        "\"idempotencyToken\":\"run\",\"projectName\":\"q\",\"sourceLocationOverride\":\"b/k/in\","
        "\"sourceTypeOverride\":\"S3\"}");
}

static void test_commands_need_neither_project_nor_artifact(void **state)
{
    (void)state;
    holds("{" TYPE("Commands") ",\"pipelineContext\":{\"pipelineName\":\"p\"},\"commands\":[\"true\"],"
                               "\"outputVariables\":[\"V\"],\"outputFiles\":[\"f\"]}",
          "{\"artifactsOverride\":{\"type\":\"NO_ARTIFACTS\"},\"buildspecOverride\":\"{\\\"artifacts\\\":{"
          "\\\"files\\\":"
          "[\\\"f\\\"]},\\\"env\\\":{\\\"exported-variables\\\":[\\\"V\\\"]},\\\"phases\\\":{\\\"build\\\":{"
          "\\\"commands\\\":"
          "[\\\"true\\\"]}},\\\"version\\\":\\\"0.2\\\"}\",\"environmentVariablesOverride\":[],"
          "\"idempotencyToken\":\"job\","
          "\"logsConfigOverride\":{\"cloudWatchLogs\":{\"groupName\":\"/aws/codepipeline/"
          "p\",\"status\":\"ENABLED\"}},"
          "\"projectName\":\"" BUILD_ORDER_COMMANDS_PROJECT "\"}");
}

static void test_a_wrong_configuration_is_told(void **state)
{
    (void)state;
    refuses("{" TYPE("CodeBuild") "," INPUTS "}", "needs ProjectName");
    refuses("{" TYPE("CodeBuild") "," CONFIGURED("\"ProjectName\":\"q\"") "}", "needs an input artifact");
    refuses("{" TYPE("CodeBuild") "," INPUTS
                                  "," CONFIGURED("\"ProjectName\":\"q\",\"PrimarySource\":\"Other\"") "}",
            "an input artifact named Other");
    refuses("{" TYPE("CodeBuild") "," INPUTS
                                  "," CONFIGURED("\"ProjectName\":\"q\",\"BatchEnabled\":\"true\"") "}",
            "batch");
    refuses("{" TYPE("CodeBuild") "," INPUTS
                                  "," CONFIGURED("\"ProjectName\":\"q\",\"EnvironmentVariables\":\"{}\"") "}",
            "must be a JSON list");
    refuses("{" TYPE("CodeBuild") "," INPUTS
                                  "," CONFIGURED("\"ProjectName\":\"q\",\"EnvironmentVariables\":\"[\"") "}",
            "must be a JSON list");
    refuses("{" TYPE("Commands") "}", "no commands");
}

static void test_other_actions_are_no_builds(void **state)
{
    CLEANUP(free_ptr) char *text = NULL;

    (void)state;
    assert_int_equal(order("{" TYPE("S3") "}", &text, NULL), BUILD_ORDER_E_OTHER);
    assert_int_equal(
        order("{\"actionTypeId\":{\"owner\":\"Custom\",\"provider\":\"CodeBuild\"}}", &text, NULL),
        BUILD_ORDER_E_OTHER);
    assert_int_equal(order("{}", &text, NULL), BUILD_ORDER_E_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_project_is_built_from_the_input_artifact),
        cmocka_unit_test(test_commands_need_neither_project_nor_artifact),
        cmocka_unit_test(test_a_wrong_configuration_is_told),
        cmocka_unit_test(test_other_actions_are_no_builds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
