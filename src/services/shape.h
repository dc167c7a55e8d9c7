/* Field tables at work: how the protocols turn wire forms into a call's input and its output back. */
#pragma once

#include "base/buf.h"
#include "services/service.h"
#include "wire/xml.h"

/* Outcomes of decoding. */
#define SHAPE_E_TYPE 1 /* a value of another type than the table's; *why says which */

/* The next member that a shape asks for; `left` are those not asked for yet, at first the object's size: most
 * fields of most shapes are absent, and need not be looked for when all that is there was found. */
static inline json_t *shape_member(const json_t *object, const char *name, size_t *left)
{
    json_t *member = *left > 0 ? json_object_get(object, name) : NULL;
    *left -= member != NULL;
    return member;
}

bool shape_type_fits(enum field_type type, const json_t *value);
const char *shape_type_name(enum field_type type);

/* JSON as it came → the call's form, in place: nulls dropped, timestamps to milliseconds, types compared
 * with the table. SHAPE_E_TYPE. */
int shape_from_json(const struct shape *shape, json_t *value, struct reason *why) MUST_USE;
/* The call's form → JSON to send, in place: timestamps to seconds. */
int shape_to_json(const struct shape *shape, json_t *value) MUST_USE;

/* Query's pairs ("Tags.member.1.Key=x") → a new object. SHAPE_E_TYPE. */
int shape_from_query(const struct shape *shape, const struct uri_query *pairs, json_t **ret,
                     struct reason *why) MUST_USE;
/* Children of an XML element → a new object. SHAPE_E_TYPE. */
int shape_from_xml(const struct shape *shape, const xmlNode *element, json_t **ret,
                   struct reason *why) MUST_USE;
/* Whether the element has only what the table has, and that once where the table has no list of it: what is
 * passed over might have been meant. FIELD_ANY may be anything, FIELD_MAP is not looked at. SHAPE_E_TYPE. */
int shape_check_xml(const struct shape *shape, const xmlNode *element, struct reason *why) MUST_USE;
/* Members, in the table's order, as XML elements. */
void shape_to_xml(const struct shape *shape, const json_t *value, struct buf *out);
/* Text of a Query or XML leaf → a JSON value of the field's type. SHAPE_E_TYPE. */
int shape_leaf(const struct field *field, struct str text, json_t **ret, struct reason *why) MUST_USE;
