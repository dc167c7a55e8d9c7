/* JSON as jansson trees, with bounds, and short accessors for validated trees.
 * Source: RFC 8259; jansson 2.14. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/reason.h"
#include <jansson.h>

#define JSON_MAX_DEPTH 64
#define JSON_E_SYNTAX 1

/* Parses one whole document. JSON_E_SYNTAX (with line and column in *why) also for a duplicate key, a NUL in
 * a string, or nesting beyond JSON_MAX_DEPTH. */
int json_parse(struct str text, json_t **ret, struct reason *why) MUST_USE;
/* The same of text that json_text or json_pack_text has written, without looking for what they never write.
 */
int json_unpack_text(struct str text, json_t **ret) MUST_USE;
/* Compact text, malloc'd, keys in the order in which they were put. NULL when out of memory. */
char *json_pack_text(const json_t *value) MUST_USE;
/* Compact text, appended. */
int json_write(const json_t *value, struct buf *out) MUST_USE;
/* A document without a tree, in the order of the calls; `key`: the member's, which needs no escape, NULL in a
 * list and at the top. An empty `out` may also get members without the object that they will be in. Texts are
 * UTF-8 already. Errors stick to `out`. */
void json_begin(struct buf *out, const char *key, char bracket); /* '{' or '[' */
void json_end(struct buf *out, char bracket);                    /* '}' or ']' */
void json_add_str(struct buf *out, const char *key, const char *value);
void json_add_int(struct buf *out, const char *key, int64_t value);
void json_add(struct buf *out, const char *key, const json_t *value);
/* Begins an object with the members of `text`, which is one as it was written here; more may follow. */
void json_begin_with(struct buf *out, const char *key, struct str text);
/* At least one, as they are written into an empty `out`. */
void json_add_members(struct buf *out, struct str members);
/* Compact text, malloc'd; keys in sorted order, so that equal values have equal text. NULL when out of
 * memory. */
char *json_text(const json_t *value) MUST_USE;
void json_free(json_t **value); /* CLEANUP-able json_decref */

/* Of an object's member, or the default when it is absent or of another type. Borrowed. */
const char *json_str(const json_t *object, const char *key, const char *absent);
int64_t json_int(const json_t *object, const char *key, int64_t absent);
bool json_bool(const json_t *object, const char *key, bool absent);
/* Follows a path of member names and list indexes: json_path(v, "a.b.0.c"); NULL when it is not there.
 * Borrowed. */
json_t *json_path(const json_t *value, const char *path);

/* Set a member; a NULL string or a negative "absent" is the caller's to leave out. 0 or -ENOMEM. */
int json_put_str(json_t *object, const char *key, const char *value);
int json_put_strn(json_t *object, const char *key, struct str value);
int json_put_int(json_t *object, const char *key, int64_t value);
int json_put_bool(json_t *object, const char *key, bool value);
int json_put(json_t *object, const char *key, json_t *value); /* takes the reference, also on failure */
int json_put_format(json_t *object, const char *key, const char *fmt, ...) PRINTF_LIKE(3, 4);
