/* Reading XML of strangers: no DTD, no entities beyond the five, no network, bounded depth. */
#include "wire/xml.h"
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>

#define MAX_DEPTH 64

/* Called at <!DOCTYPE: nothing of a document type definition is read. */
static void refuse_dtd(void *ctx, const xmlChar *name, const xmlChar *external_id, const xmlChar *system_id)
{
    xmlParserCtxt *parser = ctx;

    (void)name;
    (void)external_id;
    (void)system_id;
    parser->hasPErefs = 1; /* never set otherwise without a DTD: says why the parser stopped */
    xmlStopParser(parser);
}

static bool too_deep(const xmlNode *root)
{
    const xmlNode *node = root;
    size_t depth = 1;

    while (node) {
        if (depth > MAX_DEPTH)
            return true;
        if (node->type == XML_ELEMENT_NODE && node->children) {
            node = node->children;
            depth++;
            continue;
        }
        while (node != root && !node->next) {
            node = node->parent;
            depth--;
        }
        if (node == root)
            return false;
        node = node->next;
    }
    return false;
}

static int say_why(xmlParserCtxt *parser, struct reason *why)
{
    const xmlError *error = xmlCtxtGetLastError(parser);
    struct str words = str_of(error && error->message ? error->message : "not an XML document");

    if (parser->hasPErefs)
        return reason_set(why, XML_E_SYNTAX, "a document type definition is not allowed");
    if (error && error->code == XML_ERR_NO_MEMORY)
        return FAULT(ENOMEM);
    words = str_trim(words);
    return reason_set(why, XML_E_SYNTAX, "line %d: " STR_FMT, error ? error->line : 1, STR_ARG(words));
}

int xml_parse(struct str text, xmlDoc **ret, struct reason *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    xmlParserCtxt *parser;
    xmlDoc *doc;
    int r = 0;

    pthread_once(&once, xmlInitParser);
    if (text.len == 0 || text.len > INT32_MAX)
        return reason_set(why, XML_E_SYNTAX, text.len == 0 ? "the document is empty" : "it is too long");
    parser = xmlNewParserCtxt();
    if (!parser)
        return FAULT(ENOMEM);
    parser->sax->internalSubset = refuse_dtd;
    doc = xmlCtxtReadMemory(parser, text.ptr, (int)text.len, NULL, NULL,
                            XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
    if (!doc || !xmlDocGetRootElement(doc) || parser->hasPErefs)
        r = say_why(parser, why);
    else if (too_deep(xmlDocGetRootElement(doc)))
        r = reason_set(why, XML_E_SYNTAX, "the document is nested more than %d levels deep", MAX_DEPTH);
    xmlFreeParserCtxt(parser);
    if (r != 0)
        xml_free(&doc);
    else
        *ret = doc;
    return r;
}

void xml_free(xmlDoc **doc)
{
    if (*doc)
        xmlFreeDoc(*doc);
    *doc = NULL;
}

static xmlNode *first_named(xmlNode *node, const char *name)
{
    while (node && (node->type != XML_ELEMENT_NODE || (name && strcmp((const char *)node->name, name) != 0)))
        node = node->next;
    return node;
}

xmlNode *xml_child(const xmlNode *parent, const char *name)
{
    return parent ? first_named(parent->children, name) : NULL;
}

xmlNode *xml_next(const xmlNode *node, const char *name)
{
    return node ? first_named(node->next, name) : NULL;
}

char *xml_text(const xmlNode *node)
{
    CLEANUP(free_ptr) xmlChar *content = NULL;

    if (!node)
        return NULL;
    content = xmlNodeGetContent(node);
    return content ? str_dup(str_of((const char *)content)) : NULL;
}
