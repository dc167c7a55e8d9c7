/* S3's documents by the tables of its operations: what passes their check is read, and written it is the same
 * document. */
#include "fuzz.h"
#include "services/shape.h"
#include "wire/json.h"
#include "wire/xml.h"

extern const struct service s3_service;

static int read_document(const struct operation *operation, struct str text, json_t **ret)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    struct reason why = {0};
    if (xml_parse(text, &doc, &why) != 0)
        return SHAPE_E_TYPE;
    int r = shape_check_xml(operation->in, xmlDocGetRootElement(doc), &why);
    if (r == 0)
        r = shape_from_xml(operation->in, xmlDocGetRootElement(doc), ret, &why);
    assert(r == 0 || (r == SHAPE_E_TYPE && why.text[0] != '\0'));
    return r;
}

void fuzz_one(struct str input)
{
    for (size_t i = 0; i < s3_service.operation_count; i++) {
        const struct operation *operation = &s3_service.operations[i];
        CLEANUP(json_free) json_t *first = NULL;
        CLEANUP(json_free) json_t *again = NULL;
        CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);
        struct reason why = {0};
        if (!operation->xml_in || read_document(operation, input, &first) != 0)
            continue;
        xml_open(&out, operation->xml_in);
        shape_to_xml(operation->in, first, &out);
        xml_close(&out, operation->xml_in);
        assert(buf_error(&out) == 0);
        int r = read_document(operation, buf_str(&out), &again);
        assert(r == 0 && json_equal(first, again));
        r = shape_validate(operation->in, first, &why);
        assert(r == 0 || why.text[0] != '\0');
    }
}
