/* Conditions of policies. Source: IAM User Guide, "IAM JSON policy elements: Condition operators", "Policy
 * variables", "Multivalued context keys". */
#include "base/buf.h"
#include "services/iam/evaluate.h"
#include "services/iam/iam.h"
#include "wire/json.h"
#include "wire/time.h"
#include <arpa/inet.h>
#include <math.h>

#define PATTERN_MAX 4096
#define KEY_MAX 256

/* ---- one value against one of the policy's */

static bool text_equals(struct str wanted, struct str value)
{
    return policy_matches(wanted, value, false);
}

static bool text_equals_any_case(struct str wanted, struct str value)
{
    return policy_matches(wanted, value, true);
}

/* Part by part: a `*` does not reach over a colon, but in the last part. */
static bool arn_like(struct str wanted, struct str value)
{
    for (int part = 0; part < 5; part++) {
        struct str w = str_split(&wanted, ':');
        struct str v = str_split(&value, ':');
        if (!wanted.ptr || !value.ptr || !policy_matches(w, v, false))
            return false;
    }
    return policy_matches(wanted, value, false);
}

static bool number(struct str text, double *ret)
{
    char copy[64];
    char *end = NULL;
    if (text.len == 0 || text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *ret = strtod(copy, &end);
    return *end == '\0' && isfinite(*ret);
}

/* ISO 8601, a day's beginning by its date alone, or seconds since 1970. */
static bool moment(struct str text, double *ret)
{
    int64_t ms = 0;
    if (time_parse_day(text, &ms)) {
        *ret = (double)ms / 1000;
        return true;
    }
    return number(text, ret);
}

/* -1, 0, 1 of value to wanted; 2 when one of them is none. */
static int order(struct str wanted, struct str value, bool (*read)(struct str, double *))
{
    double w = 0, v = 0;
    if (!read(wanted, &w) || !read(value, &v))
        return 2;
    return v < w ? -1 : v > w;
}

static bool number_equals(struct str w, struct str v)
{
    return order(w, v, number) == 0;
}

static bool number_less(struct str w, struct str v)
{
    return order(w, v, number) == -1;
}

static bool number_greater(struct str w, struct str v)
{
    return order(w, v, number) == 1;
}

static bool number_at_most(struct str w, struct str v)
{
    return order(w, v, number) < 1;
}

static bool number_at_least(struct str w, struct str v)
{
    int o = order(w, v, number);
    return o == 0 || o == 1;
}

static bool date_equals(struct str w, struct str v)
{
    return order(w, v, moment) == 0;
}

static bool date_less(struct str w, struct str v)
{
    return order(w, v, moment) == -1;
}

static bool date_greater(struct str w, struct str v)
{
    return order(w, v, moment) == 1;
}

static bool date_at_most(struct str w, struct str v)
{
    return order(w, v, moment) < 1;
}

static bool date_at_least(struct str w, struct str v)
{
    int o = order(w, v, moment);
    return o == 0 || o == 1;
}

static bool read_address(struct str text, unsigned char ret[16], size_t *ret_size)
{
    char copy[INET6_ADDRSTRLEN];
    if (text.len >= sizeof(copy))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    bool four = inet_pton(AF_INET, copy, ret) == 1;
    *ret_size = four ? 4 : 16;
    return four || inet_pton(AF_INET6, copy, ret) == 1;
}

struct network {
    unsigned char address[16];
    size_t size;
    int64_t bits;
};

/* An address, or ADDRESS/BITS. */
static bool read_network(struct str text, struct network *ret)
{
    struct str bits = text;
    struct str base = str_split(&bits, '/');
    if (base.len == 0 || !read_address(base, ret->address, &ret->size))
        return false;
    ret->bits = (int64_t)ret->size * 8;
    return !bits.ptr || str_to_int(bits, 0, ret->bits, &ret->bits);
}

static bool within_network(struct str wanted, struct str value)
{
    unsigned char address[16];
    size_t size = 0;
    struct network network;
    if (!read_network(wanted, &network) || !read_address(value, address, &size) || size != network.size)
        return false;
    int64_t bits = network.bits;
    size_t whole = (size_t)bits / 8;
    unsigned char mask = (unsigned char)(0xFF00 >> (bits % 8));
    return memcmp(network.address, address, whole) == 0 &&
           (bits % 8 == 0 || ((network.address[whole] ^ address[whole]) & mask) == 0);
}

/* ---- operators */

static const struct condition_op {
    const char *name;
    bool (*holds)(struct str wanted, struct str value);
    bool negated;
    bool patterns; /* `*` and `?` of the policy's value mean something */
} operators[] = {
    {"StringEquals", text_equals, false, false},
    {"StringNotEquals", text_equals, true, false},
    {"StringEqualsIgnoreCase", text_equals_any_case, false, false},
    {"StringNotEqualsIgnoreCase", text_equals_any_case, true, false},
    {"StringLike", text_equals, false, true},
    {"StringNotLike", text_equals, true, true},
    {"NumericEquals", number_equals, false, false},
    {"NumericNotEquals", number_equals, true, false},
    {"NumericLessThan", number_less, false, false},
    {"NumericLessThanEquals", number_at_most, false, false},
    {"NumericGreaterThan", number_greater, false, false},
    {"NumericGreaterThanEquals", number_at_least, false, false},
    {"DateEquals", date_equals, false, false},
    {"DateNotEquals", date_equals, true, false},
    {"DateLessThan", date_less, false, false},
    {"DateLessThanEquals", date_at_most, false, false},
    {"DateGreaterThan", date_greater, false, false},
    {"DateGreaterThanEquals", date_at_least, false, false},
    {"Bool", text_equals_any_case, false, false},
    {"BinaryEquals", text_equals, false, false},
    {"IpAddress", within_network, false, false},
    {"NotIpAddress", within_network, true, false},
    {"ArnEquals", arn_like, false, true},
    {"ArnLike", arn_like, false, true},
    {"ArnNotEquals", arn_like, true, true},
    {"ArnNotLike", arn_like, true, true},
    {"Null", NULL, false, false},
};

enum quantifier { ONE_VALUE, ALL_VALUES, ANY_VALUE };

/* "ForAnyValue:StringLikeIfExists", taken apart. */
struct asked {
    const struct condition_op *op;
    enum quantifier quantifier;
    bool if_exists;
};

static bool read_operator(const char *name, struct asked *ret)
{
    struct str rest = str_of(name);
    *ret = (struct asked){0};
    if (str_starts(rest, STR("ForAllValues:")))
        ret->quantifier = ALL_VALUES;
    if (str_starts(rest, STR("ForAnyValue:")))
        ret->quantifier = ANY_VALUE;
    if (ret->quantifier != ONE_VALUE)
        (void)str_split(&rest, ':');
    ret->if_exists = str_ends(rest, STR("IfExists"));
    if (ret->if_exists)
        rest.len -= strlen("IfExists");
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (str_eqc(rest, operators[i].name))
            ret->op = &operators[i];
    return ret->op != NULL;
}

/* ---- values of the policy */

/* Wildcards of an op without patterns, and of a variable's value, mean themselves. */
static void put_literal(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '*' || text.ptr[i] == '?')
            buf_putc(out, POLICY_LITERAL);
        buf_putc(out, text.ptr[i]);
    }
}

static bool put_variable(struct buf *out, struct str variable, const struct policy_request *request)
{
    struct str values[POLICY_VALUES_MAX];
    struct str absent = variable;
    struct str name = str_trim(str_split(&absent, ','));
    char key[KEY_MAX];
    if (name.len == 1 && strchr("*?$", name.ptr[0])) {
        put_literal(out, name);
        return true;
    }
    if (name.len == 0 || name.len >= sizeof(key))
        return false;
    memcpy(key, name.ptr, name.len);
    key[name.len] = '\0';
    absent = str_trim(absent);
    bool quoted = absent.len >= 2 && absent.ptr[0] == '\'' && absent.ptr[absent.len - 1] == '\'';
    if (request->context(request->ctx, key, values) == 1)
        put_literal(out, values[0]);
    else if (quoted)
        put_literal(out, (struct str){absent.ptr + 1, absent.len - 2});
    else
        return false;
    return true;
}

static bool expand(struct buf *out, const char *pattern, const struct policy_request *request, bool patterns)
{
    struct str rest = str_of(pattern);
    while (rest.len > 0) {
        const char *end = str_starts(rest, STR("${")) ? memchr(rest.ptr, '}', rest.len) : NULL;
        if (end && !put_variable(out, (struct str){rest.ptr + 2, (size_t)(end - rest.ptr) - 2}, request))
            return false;
        size_t used = end ? (size_t)(end - rest.ptr) + 1 : 1;
        if (!end && patterns)
            buf_putc(out, *rest.ptr);
        else if (!end)
            put_literal(out, (struct str){rest.ptr, 1});
        rest = (struct str){rest.ptr + used, rest.len - used};
    }
    return buf_error(out) == 0;
}

bool policy_expand(struct buf *out, const char *pattern, const struct policy_request *request)
{
    return expand(out, pattern, request, true);
}

struct comparing {
    const struct policy_request *request;
    const struct condition_op *op;
    struct str value;
    bool variables;
};

/* Whether a value of the policy means just itself, and need not be copied. */
static bool is_plain(const struct comparing *c, const char *wanted)
{
    return !(c->variables && strchr(wanted, '$')) && (c->op->patterns || !strpbrk(wanted, "*?"));
}

static bool compare(void *ctx, const char *wanted)
{
    const struct comparing *c = ctx;
    if (is_plain(c, wanted))
        return c->op->holds(str_of(wanted), c->value);
    CLEANUP(buf_free) struct buf text = BUF_INIT(PATTERN_MAX);
    bool known = true;
    if (c->variables)
        known = expand(&text, wanted, c->request, c->op->patterns);
    else
        put_literal(&text, str_of(wanted));
    return known && buf_error(&text) == 0 && c->op->holds(buf_str(&text), c->value);
}

/* The policy's values of a key: one, or a list of which any is meant. Numbers and booleans may stand there
 * without quotes. */
static bool any_value(const json_t *wanted, bool (*accepts)(void *ctx, const char *text), void *ctx)
{
    for (size_t i = 0; i < json_array_size(wanted); i++)
        if (any_value(json_array_get(wanted, i), accepts, ctx))
            return true;
    if (json_is_string(wanted))
        return accepts(ctx, json_string_value(wanted));
    if (!json_is_number(wanted) && !json_is_boolean(wanted))
        return false;
    CLEANUP(free_ptr) char *text = json_dumps(wanted, JSON_ENCODE_ANY);
    return text && accepts(ctx, text);
}

static bool key_holds(const struct asked *asked, const char *key, const json_t *wanted,
                      const struct policy_request *request, bool variables)
{
    struct str values[POLICY_VALUES_MAX];
    size_t count = request->context(request->ctx, key, values);
    struct comparing c = {.request = request, .op = asked->op, .variables = variables};
    if (!asked->op->holds) { /* Null */
        static const struct condition_op is = {"Bool", text_equals_any_case, false, false};
        c.op = &is;
        c.value = str_of(count == 0 ? "true" : "false");
        return any_value(wanted, compare, &c);
    }
    if (count == 0)
        return asked->if_exists || asked->quantifier == ALL_VALUES ||
               (asked->op->negated && asked->quantifier == ONE_VALUE);
    bool all = asked->quantifier == ALL_VALUES || (asked->quantifier == ONE_VALUE && asked->op->negated);
    for (size_t i = 0; i < count; i++) {
        c.value = values[i];
        bool holds = any_value(wanted, compare, &c) != asked->op->negated;
        if (holds != all)
            return holds;
    }
    return all;
}

bool policy_conditions_hold(const json_t *conditions, const struct policy_request *request, bool variables)
{
    const char *name, *key;
    json_t *block, *wanted;
    struct asked asked;
    json_object_foreach ((json_t *)conditions, name, block) {
        if (!read_operator(name, &asked))
            return false;
        json_object_foreach (block, key, wanted)
            if (!key_holds(&asked, key, wanted, request, variables))
                return false;
    }
    return true;
}

/* ---- the form */

static bool is_number(struct str text)
{
    double value;
    return number(text, &value);
}

static bool is_moment(struct str text)
{
    double value;
    return moment(text, &value);
}

static bool is_network(struct str text)
{
    struct network value;
    return read_network(text, &value);
}

static bool is_boolean(struct str text)
{
    return str_eq_nocase(text, STR("true")) || str_eq_nocase(text, STR("false"));
}

/* By the beginning of the operator's name. */
static const struct kind {
    const char *operator;
    bool (*is_value)(struct str text);
    const char *says;
} kinds[] = {
    {"Numeric", is_number, "Invalid number in Conditions"},
    {"Date", is_moment, "Invalid date in Conditions"},
    {"Bool", is_boolean, "Invalid boolean in Conditions"},
    {"Null", is_boolean, "Invalid boolean in Conditions"},
    {"IpAddress", is_network, "Invalid IP address in Conditions"},
    {"NotIpAddress", is_network, "Invalid IP address in Conditions"},
};

/* What a variable stands for is not known yet. */
static bool is_wrong(void *ctx, const char *text)
{
    const struct kind *kind = ctx;
    return !strstr(text, "${") && !kind->is_value(str_of(text));
}

static bool is_there(void *ctx UNUSED, const char *text UNUSED)
{
    return true;
}

static int check_values(const struct condition_op *op, const json_t *wanted, struct reason *why)
{
    if (!any_value(wanted, is_there, NULL))
        return reason_set(why, IAM_BAD_DOCUMENT, "A condition has no value");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (str_starts(str_of(op->name), str_of(kinds[i].operator)) &&
            any_value(wanted, is_wrong, (void *)&kinds[i]))
            return reason_set(why, IAM_BAD_DOCUMENT, "%s", kinds[i].says);
    return 0;
}

int policy_conditions_check(const json_t *conditions, struct reason *why)
{
    const char *name, *key;
    json_t *block, *wanted;
    struct asked asked;
    int r = 0;
    if (conditions && !json_is_object(conditions))
        return reason_set(why, IAM_BAD_DOCUMENT, "Condition is no object of operators");
    json_object_foreach ((json_t *)conditions, name, block) {
        if (!read_operator(name, &asked))
            return reason_set(why, IAM_BAD_DOCUMENT, "Invalid Condition type : %.64s", name);
        if (!json_is_object(block))
            return reason_set(why, IAM_BAD_DOCUMENT, "Condition %.64s is no object of keys", name);
        json_object_foreach (block, key, wanted)
            if (r == 0)
                r = check_values(asked.op, wanted, why);
    }
    return r;
}
