/* Bucket policies: a policy, a newline, the value of every condition key. What is checked can be asked
 * anything. */
#include "fuzz.h"
#include "services/iam/evaluate.h"
#include "services/s3/bucket_policy.h"
#include "services/s3/s3.h"
#include "wire/json.h"

static size_t give_rest(void *ctx, const char *key UNUSED, struct str ret[POLICY_VALUES_MAX])
{
    ret[0] = *(const struct str *)ctx;
    return ret[0].len > 0;
}

void fuzz_one(struct str input)
{
    static const struct bucket bucket = {.name = "bucket", .account = "111111111111"};
    struct str rest = input, line = str_split(&rest, '\n');
    CLEANUP(json_free) json_t *policy = NULL;
    struct reason why = {0};

    assert(policy_matches(STR("*"), line, false));
    if (json_parse(line, &policy, NULL) != 0)
        return;
    int checked = bucket_policy_check(&bucket, policy, &why);
    assert(checked == 0 || (checked == S3_E_POLICY_FORM && why.text[0] != '\0'));
    if (checked != 0)
        return;
    struct principal caller = {0};
    struct policy_request request = {
        .action = "s3:GetObject", .resource = "arn:aws:s3:::bucket/key", .context = give_rest, .ctx = &rest};
    if (rest.len == 0) /* what is let in unsigned, whatever else it has or has not, is let in publicly */
        assert(policy_evaluate(policy, &request) != POLICY_ALLOWS || bucket_policy_public(policy));
    request.caller = &caller;
    (void)policy_evaluate(policy, &request);
}
