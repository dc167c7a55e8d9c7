/* See delivery_policy.h. */
#include "services/sns/delivery_policy.h"
#include "services/sns/sns.h"
#include "wire/json.h"
#include <math.h>

#define TOTAL_MAX_S 3600
#define RETRIES_MAX 100
#define CONTENT_TYPE "text/plain; charset=UTF-8"

const struct retry_policy retry_policy_email = {.retries = 50,
                                                .min_delay_retries = 2,
                                                .max_delay_retries = 38,
                                                .min_delay_s = 10,
                                                .max_delay_s = 600,
                                                .backoff = BACKOFF_EXPONENTIAL};

static const char *const backoff_names[] = {"linear", "arithmetic", "geometric", "exponential"};

static const struct {
    const char *name;
    int64_t absent;
    int64_t min;
    int64_t max;
} numbers[] = {
    {"minDelayTarget", 20, 1, TOTAL_MAX_S},    {"maxDelayTarget", 20, 1, TOTAL_MAX_S},
    {"numRetries", 3, 0, RETRIES_MAX},         {"numNoDelayRetries", 0, 0, RETRIES_MAX},
    {"numMinDelayRetries", 0, 0, RETRIES_MAX}, {"numMaxDelayRetries", 0, 0, RETRIES_MAX},
};

/* How far from the least to the greatest delay step `i` of `steps` is: 0 … 1. */
static double backoff_part(enum backoff backoff, double i, double steps)
{
    switch (backoff) {
    case BACKOFF_LINEAR:
    case BACKOFF_GEOMETRIC:
        return i / steps;
    case BACKOFF_ARITHMETIC:
        return i * (i + 1) / (steps * (steps + 1));
    case BACKOFF_EXPONENTIAL:
        return (exp2(i) - 1) / (exp2(steps) - 1);
    }
    return 1;
}

int64_t retry_delay_ms(const struct retry_policy *policy, int64_t failed)
{
    int64_t before = policy->no_delay_retries + policy->min_delay_retries;
    int64_t steps = policy->retries - before - policy->max_delay_retries;
    double least = (double)policy->min_delay_s, most = (double)policy->max_delay_s;
    if (failed > policy->retries)
        return -1;
    if (failed <= policy->no_delay_retries)
        return 0;
    if (failed <= before)
        return 1000 * policy->min_delay_s;
    if (failed > before + steps)
        return 1000 * policy->max_delay_s;
    double part = backoff_part(policy->backoff, (double)(failed - before), (double)steps);
    double delay_s = policy->backoff == BACKOFF_GEOMETRIC ? least * pow(most / least, part)
                                                          : least + (most - least) * part;
    return (int64_t)(1000 * delay_s);
}

static enum backoff backoff_of(const json_t *policy)
{
    const char *name = json_str(policy, "backoffFunction", backoff_names[0]);
    for (size_t i = 0; i < ARRAY_LEN(backoff_names); i++)
        if (strcmp(name, backoff_names[i]) == 0)
            return (enum backoff)i;
    return BACKOFF_LINEAR;
}

static int64_t number_of(const json_t *policy, size_t row)
{
    return json_int(policy, numbers[row].name, numbers[row].absent);
}

static void read_retries(const json_t *policy, struct retry_policy *ret)
{
    int64_t *const places[] = {&ret->min_delay_s,      &ret->max_delay_s,       &ret->retries,
                               &ret->no_delay_retries, &ret->min_delay_retries, &ret->max_delay_retries};
    for (size_t i = 0; i < ARRAY_LEN(places); i++)
        *places[i] = number_of(policy, i);
    ret->backoff = backoff_of(policy);
}

void delivery_policy_retries(const json_t *effective, struct retry_policy *ret)
{
    read_retries(json_object_get(effective, "healthyRetryPolicy"), ret);
}

/* ---- checks */

static int refuse(struct reason *why, const char *says)
{
    return reason_set(why, SNS_E_PARAMETER, "Invalid parameter: DeliveryPolicy: %s", says);
}

static int check_numbers(const json_t *policy, struct reason *why)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const json_t *value = json_object_get(policy, numbers[i].name);
        int64_t number = json_integer_value(value);
        if (value && (!json_is_integer(value) || number < numbers[i].min || number > numbers[i].max))
            return reason_set(
                why, SNS_E_PARAMETER,
                "Invalid parameter: DeliveryPolicy: %s must be an integer between %lld and %lld",
                numbers[i].name, (long long)numbers[i].min, (long long)numbers[i].max);
    }
    return 0;
}

static int check_retries(const json_t *policy, struct reason *why)
{
    struct retry_policy retries = {0};
    const char *name = json_str(policy, "backoffFunction", backoff_names[0]);
    int64_t total_ms = 0;
    int rc = check_numbers(policy, why);
    if (rc != 0)
        return rc;
    read_retries(policy, &retries);
    if (strcmp(backoff_names[retries.backoff], name) != 0)
        return refuse(why, "backoffFunction must be linear, arithmetic, geometric or exponential");
    if (retries.min_delay_s > retries.max_delay_s)
        return refuse(why, "minDelayTarget must be less than or equal to maxDelayTarget");
    if (retries.no_delay_retries + retries.min_delay_retries + retries.max_delay_retries > retries.retries)
        return refuse(why, "numRetries must be at least the sum of numNoDelayRetries, numMinDelayRetries and "
                           "numMaxDelayRetries");
    for (int64_t failed = 1; failed <= retries.retries; failed++)
        total_ms += retry_delay_ms(&retries, failed);
    return total_ms <= 1000 * TOTAL_MAX_S ? 0 : refuse(why, "all retries together may take 3600 seconds");
}

static int check_throttle(const json_t *policy, struct reason *why)
{
    const json_t *rate = json_object_get(policy, "maxReceivesPerSecond");
    if (!rate || (json_is_integer(rate) && json_integer_value(rate) >= 1))
        return 0;
    return refuse(why, "maxReceivesPerSecond must be an integer of at least 1");
}

static const char *const content_types[] = {
    "application/atom+xml",
    "application/json",
    "application/octet-stream",
    "application/soap+xml",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/xhtml+xml",
    "text/css",
    "text/csv",
    "text/html",
    "text/plain",
    "text/xml",
};

static int check_request(const json_t *policy, struct reason *why)
{
    const json_t *type = json_object_get(policy, "headerContentType");
    const char *text = json_string_value(type);
    struct str rest = str_of(text);
    struct str base = str_trim(str_split(&rest, ';'));
    for (size_t i = 0; text && !strpbrk(text, "\r\n") && i < ARRAY_LEN(content_types); i++)
        if (str_eqc(base, content_types[i]))
            return 0;
    return type ? refuse(why, "headerContentType is not a content type that SNS sends") : 0;
}

static const struct part {
    const char *of_subscription;
    const char *of_topic;
    int (*check)(const json_t *policy, struct reason *why);
} parts[] = {
    {"healthyRetryPolicy", "defaultHealthyRetryPolicy", check_retries},
    {"throttlePolicy", "defaultThrottlePolicy", check_throttle},
    {"requestPolicy", "defaultRequestPolicy", check_request},
};

int delivery_policy_check(const char *text, bool of_topic, struct reason *why)
{
    CLEANUP(json_free) json_t *policy = NULL;
    if (*text == '\0')
        return 0;
    if (json_parse(str_of(text), &policy, NULL) != 0 || !json_is_object(policy))
        return refuse(why, "it is not a JSON object");
    const json_t *holder = of_topic ? json_object_get(policy, "http") : policy;
    if (of_topic && !json_is_object(holder))
        return refuse(why, "it needs the object http");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const json_t *part = json_object_get(holder, of_topic ? parts[i].of_topic : parts[i].of_subscription);
        if (!part || json_is_null(part))
            continue;
        int rc = json_is_object(part) ? parts[i].check(part, why) : refuse(why, "a policy must be an object");
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* ---- what holds */

static int put_defaults(json_t *out)
{
    json_t *retries = json_object();
    int rc = json_put(out, "healthyRetryPolicy", retries);
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(numbers); i++)
        rc = json_put_int(retries, numbers[i].name, numbers[i].absent);
    if (rc == 0)
        rc = json_put_str(retries, "backoffFunction", backoff_names[0]);
    return rc != 0 ? rc
                   : json_put(out, "requestPolicy", json_pack("{s:s}", "headerContentType", CONTENT_TYPE));
}

static int overlay(json_t *out, const json_t *policy, bool of_topic)
{
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        json_t *part = json_object_get(policy, of_topic ? parts[i].of_topic : parts[i].of_subscription);
        json_t *held = json_object_get(out, parts[i].of_subscription);
        if (!json_is_object(part))
            continue;
        if (held ? json_object_update(held, part)
                 : json_object_set_new(out, parts[i].of_subscription, json_copy(part)))
            return FAULT(ENOMEM);
    }
    return 0;
}

int delivery_policy_effective(const json_t *topic, const json_t *subscription, json_t **ret)
{
    CLEANUP(json_free) json_t *out = json_object();
    const json_t *http = json_object_get(topic, "http");
    int rc = out ? put_defaults(out) : FAULT(ENOMEM);
    if (rc == 0)
        rc = overlay(out, http, true);
    if (rc == 0 && !json_bool(http, "disableSubscriptionOverrides", false))
        rc = overlay(out, subscription, false);
    if (rc == 0)
        *ret = take(out);
    return rc;
}
