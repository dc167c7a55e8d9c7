/* Who may answer an approval, and how many must. The configuration of a Manual approval action, beside AWS's
 * own keys, takes (Slipway's own):
 *   RequiredApprovals   "2": so many different people; none: 1
 *   Approvers           "[N of] PATTERN, PATTERN; [N of] PATTERN": groups of people by ARN, with * and ?.
 *                       Each group must give N (none: RequiredApprovals). Without: who may call the API
 *   ForbidSelfApproval  "true": not by who started the execution, or put its artifact into the bucket
 *   TrustedSessions     "PATTERN, PATTERN": roles' sessions whose names tell people apart. Of others counts
 *                       who assumed the role, once, since anybody who may can choose any name */
#pragma once

#include "base/reason.h"
#include "wire/person.h"
#include <jansson.h>

#define APPROVAL_E_INVALID 1
#define APPROVAL_GROUPS_MAX 8

struct approval_group {
    struct str patterns; /* borrowed, separated by commas */
    int64_t needed;
};

struct approval_rule {
    struct approval_group groups[APPROVAL_GROUPS_MAX];
    size_t count;
    bool forbids_self;
    struct str trusted; /* borrowed, patterns separated by commas; {NULL}: none */
};

/* Borrows from `configuration`. APPROVAL_E_INVALID with words. */
int approval_read(const json_t *configuration, struct approval_rule *ret, struct reason *why) MUST_USE;
/* APPROVAL_E_INVALID with words: there could never be enough approvals, since a pattern is nobody's ARN or a
 * group names fewer than it wants; or what is trusted is no session's ARN. */
int approval_check_possible(const struct approval_rule *rule, struct reason *why) MUST_USE;
/* In one of the groups. */
bool approval_listed(const struct approval_rule *rule, const char *arn);
/* Whom the ARN counts as; `person` is what its principal said of itself, NULL: nobody knows. */
void approval_person(const struct approval_rule *rule, const char *arn, const char *person,
                     char ret[PERSON_SIZE]);
/* `answers`: [{who}], of different people. False: *ret_missing says who must still approve. */
bool approval_enough(const struct approval_rule *rule, const json_t *answers, struct reason *ret_missing);
