/* Filter policies: a policy, a newline, values. What is checked as a policy can be matched with anything. */
#include "fuzz.h"
#include "services/sns/filter_policy.h"
#include "services/sns/sns.h"
#include "wire/json.h"

void fuzz_one(struct str input)
{
    struct str rest = input, line = str_split(&rest, '\n');
    CLEANUP(free_ptr) char *text = str_dup(line);
    CLEANUP(json_free) json_t *policy = NULL;
    CLEANUP(json_free) json_t *values = NULL;
    struct reason why = {0};

    if (!text || strlen(text) == 0)
        return;
    int checked = filter_policy_check(text, true, &why);
    assert(checked == 0 || (checked == SNS_E_PARAMETER && why.text[0] != '\0'));
    if (checked != 0 || json_parse(str_of(text), &policy, NULL) != 0)
        return;
    if (json_parse(rest, &values, NULL) != 0)
        values = NULL;
    (void)filter_policy_matches(policy, values);
}
