/* Approvals by several people, and groups of them. */
#include "services/codepipeline/engine/approval.h"
#include "base/buf.h"
#include "wire/json.h"

#define NEEDED_MAX 20
#define MISSING_MAX_BYTES ((size_t)1 << 20)

/* "2 of " before the patterns. What has an "of" has a number: "0 of X" would wait for nobody. */
static bool group_parse(struct str text, int64_t needed, struct approval_group *ret)
{
    struct str rest = str_trim(text), head = str_split(&rest, ' ');
    bool counts = rest.ptr && str_to_int(head, 1, NEEDED_MAX, &needed);
    bool of = rest.ptr && str_starts(str_trim(rest), STR("of "));

    *ret = (struct approval_group){str_trim(text), needed};
    if (of)
        ret->patterns = str_trim((struct str){str_trim(rest).ptr + 3, str_trim(rest).len - 3});
    return counts == of && ret->patterns.len > 0;
}

static int groups_parse(struct str rest, int64_t needed, struct approval_rule *ret, struct reason *why)
{
    while (rest.ptr) {
        struct str text = str_split(&rest, ';');

        if (ret->count == APPROVAL_GROUPS_MAX)
            return reason_set(why, APPROVAL_E_INVALID, "Approvers has more than %d groups.",
                              APPROVAL_GROUPS_MAX);
        if (!group_parse(text, needed, &ret->groups[ret->count++]))
            return reason_set(why, APPROVAL_E_INVALID,
                              "Approvers is '" STR_FMT
                              "': write '[N of] ARN pattern, …; …' with N from 1 to %d.",
                              STR_ARG(text), NEEDED_MAX);
    }
    return 0;
}

int approval_read(const json_t *configuration, struct approval_rule *ret, struct reason *why)
{
    const char *required = json_str(configuration, "RequiredApprovals", "1");
    const char *approvers = json_str(configuration, "Approvers", "*");
    const char *forbids = json_str(configuration, "ForbidSelfApproval", "false");
    const char *trusted = json_str(configuration, "TrustedSessions", NULL);
    int64_t needed;

    *ret = (struct approval_rule){0};
    if (!str_to_int(str_of(required), 1, NEEDED_MAX, &needed))
        return reason_set(why, APPROVAL_E_INVALID, "RequiredApprovals is '%s': write a number from 1 to %d.",
                          required, NEEDED_MAX);
    ret->trusted = str_of(trusted);
    ret->forbids_self = strcmp(forbids, "true") == 0;
    if (!ret->forbids_self && strcmp(forbids, "false") != 0)
        return reason_set(why, APPROVAL_E_INVALID, "ForbidSelfApproval is '%s': write true or false.",
                          forbids);
    return groups_parse(str_of(approvers), needed, ret, why);
}

static bool listed(struct str patterns, struct str arn)
{
    while (patterns.ptr)
        if (str_glob(str_trim(str_split(&patterns, ',')), arn))
            return true;
    return false;
}

/* Whether an ARN that begins like `head` could meet the pattern. */
static bool begins_so(struct str pattern, const char *head)
{
    size_t len = strlen(head), i = 0;

    while (i < pattern.len && i < len && pattern.ptr[i] == head[i])
        i++;
    return i == len || (i < pattern.len && (pattern.ptr[i] == '*' || pattern.ptr[i] == '?'));
}

static bool is_pattern(struct str text)
{
    return memchr(text.ptr, '*', text.len) || memchr(text.ptr, '?', text.len);
}

/* A role and a group are nobody who calls: a role's sessions and users are. */
static bool is_somebody(struct str pattern)
{
    static const char *const whole[] = {"arn:aws:iam::????????????:root", "arn:aws:iam::????????????:user/?*",
                                        "arn:aws:sts::????????????:assumed-role/?*/?*"};

    if (is_pattern(pattern))
        return (begins_so(pattern, "arn:aws:iam::") || begins_so(pattern, "arn:aws:sts::")) &&
               !str_glob(STR("arn:aws:iam::*:role/*"), pattern) &&
               !str_glob(STR("arn:aws:iam::*:group/*"), pattern);
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        if (str_glob(str_of(whole[i]), pattern))
            return true;
    return false;
}

/* Sessions of several people may have one name, unless names are believed to be people's. */
static bool names_many(const struct approval_rule *rule, struct str pattern)
{
    return is_pattern(pattern) ||
           (str_starts(pattern, STR("arn:aws:sts::")) && !listed(rule->trusted, pattern));
}

static int group_check(const struct approval_rule *rule, const struct approval_group *group,
                       struct reason *why)
{
    struct str rest = group->patterns;
    bool open = false;
    int64_t named = 0;

    for (; rest.ptr; named++) {
        struct str pattern = str_trim(str_split(&rest, ','));

        if (pattern.len == 0 && named > 0 && !rest.ptr) /* a comma at the end */
            break;
        if (!is_somebody(pattern))
            return reason_set(why, APPROVAL_E_INVALID,
                              "Approvers names '" STR_FMT "', which nobody's ARN is: write "
                              "arn:aws:iam::ACCOUNT:user/NAME or arn:aws:sts::ACCOUNT:assumed-role/ROLE/*.",
                              STR_ARG(pattern));
        open = open || names_many(rule, pattern);
    }
    if (open || named >= group->needed)
        return 0;
    return reason_set(why, APPROVAL_E_INVALID,
                      "Approvers wants %lld of '" STR_FMT "', which names %lld: nobody could give the rest.",
                      (long long)group->needed, STR_ARG(group->patterns), (long long)named);
}

/* One that is no session's would be believed of nobody, silently. */
static int trusted_check(struct str patterns, struct reason *why)
{
    for (bool first = true; patterns.ptr; first = false) {
        struct str pattern = str_trim(str_split(&patterns, ','));

        if (pattern.len == 0 && !first && !patterns.ptr) /* a comma at the end */
            break;
        if (!is_somebody(pattern) || str_starts(pattern, STR("arn:aws:iam:")))
            return reason_set(why, APPROVAL_E_INVALID,
                              "TrustedSessions names '" STR_FMT "', which no session's ARN is: write "
                              "arn:aws:sts::ACCOUNT:assumed-role/ROLE/*.",
                              STR_ARG(pattern));
    }
    return 0;
}

int approval_check_possible(const struct approval_rule *rule, struct reason *why)
{
    int refused = trusted_check(rule->trusted, why);
    if (refused)
        return refused;
    for (size_t i = 0; i < rule->count; i++) {
        int r = group_check(rule, &rule->groups[i], why);
        if (r)
            return r;
    }
    return 0;
}

static bool group_has(const struct approval_group *group, const char *arn)
{
    return listed(group->patterns, str_of(arn));
}

void approval_person(const struct approval_rule *rule, const char *arn, const char *person,
                     char ret[PERSON_SIZE])
{
    if (listed(rule->trusted, str_of(arn)))
        person_of_name(arn, ret);
    else if (person)
        str_copy(ret, PERSON_SIZE, person);
    else
        person_of_arn(arn, ret);
}

bool approval_listed(const struct approval_rule *rule, const char *arn)
{
    for (size_t i = 0; i < rule->count; i++)
        if (group_has(&rule->groups[i], arn))
            return true;
    return false;
}

static int64_t group_given(const struct approval_group *group, const json_t *answers)
{
    const json_t *answer;
    int64_t given = 0;
    size_t i;

    json_array_foreach (answers, i, answer)
        given += group_has(group, json_str(answer, "who", ""));
    return given;
}

bool approval_enough(const struct approval_rule *rule, const json_t *answers, struct reason *ret_missing)
{
    CLEANUP(buf_free) struct buf missing = BUF_INIT(MISSING_MAX_BYTES);
    bool enough = true;

    for (size_t i = 0; i < rule->count; i++) {
        const struct approval_group *group = &rule->groups[i];
        int64_t more = group->needed - group_given(group, answers);

        if (more <= 0)
            continue;
        enough = false; /* whether or not there is room for the words */
        (void)buf_printf(&missing, "%s%lld more of " STR_FMT, missing.len ? "; " : "", (long long)more,
                         STR_ARG(group->patterns));
    }
    if (!enough)
        reason_set(ret_missing, 0, STR_FMT, STR_ARG(buf_str(&missing)));
    return enough;
}
