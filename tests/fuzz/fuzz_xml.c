/* xml_parse and xml_to_json; and what xml_escape writes of any bytes is read. */
#include "fuzz.h"
#include "wire/json.h"
#include "wire/xml.h"

void fuzz_one(struct str input)
{
    CLEANUP(xml_free) xmlDoc *doc = NULL;
    CLEANUP(xml_free) xmlDoc *written = NULL;
    CLEANUP(json_free) json_t *tree = NULL;
    CLEANUP(buf_free) struct buf out = BUF_INIT(1 << 20);
    struct reason why = {0};
    int r = xml_parse(input, &doc, &why);

    assert(r == 0 || (r == XML_E_SYNTAX && why.text[0] != '\0'));
    if (r == 0) {
        r = xml_to_json(xmlDocGetRootElement(doc), &tree);
        assert(r == 0 && tree);
    }
    xml_head(&out);
    xml_elem(&out, "Any", input);
    assert(buf_error(&out) == 0);
    r = xml_parse(buf_str(&out), &written, &why);
    assert(r == 0);
}
