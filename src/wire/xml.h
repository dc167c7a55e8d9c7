/* XML without external entities, DTDs or network: a writer onto a buffer and a reader into libxml2's tree. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "base/reason.h"
#include <jansson.h>
#include <libxml/tree.h>

#define XML_E_SYNTAX 1

/* Refuses (XML_E_SYNTAX) DTDs, entities beyond the five, and depth beyond 64. Free with xml_free. */
int xml_parse(struct str text, xmlDoc **ret, struct reason *why) MUST_USE;
void xml_free(xmlDoc **doc); /* CLEANUP-able */

/* Readers of the tree; names without namespace. Text is trimmed of nothing, entity-decoded, malloc'd. */
xmlNode *xml_child(const xmlNode *parent, const char *name); /* first element child of that name, or NULL */
xmlNode *xml_next(const xmlNode *node, const char *name); /* next sibling element of that name (NULL: any) */
char *xml_text(const xmlNode *node) MUST_USE;             /* NULL when out of memory or node is NULL */

/* Writers: escape what they are given; a byte that XML 1.0 cannot carry becomes U+FFFD. */
#define XML_HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
void xml_head(struct buf *out);
void xml_open(struct buf *out, const char *name);
void xml_open_ns(struct buf *out, const char *name, const char *xmlns);
void xml_close(struct buf *out, const char *name);
void xml_elem(struct buf *out, const char *name, struct str text);
/* But here what UTF-8 can carry and XML 1.0 cannot becomes a reference (&#x1;): no two texts are written
 * alike, and strict readers refuse the document. */
void xml_elem_exact(struct buf *out, const char *name, struct str text);
void xml_elem_int(struct buf *out, const char *name, int64_t value);
void xml_elem_bool(struct buf *out, const char *name, bool value);
void xml_escape(struct buf *out, struct str text);

/* An answer as a JSON tree, for clients: text elements become strings; an element whose children are all
 * `member` becomes a list; repeated names become a list; everything else an object. */
int xml_to_json(const xmlNode *node, json_t **ret) MUST_USE;
