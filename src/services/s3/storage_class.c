/* See storage_class.h. */
#include "services/s3/storage_class.h"
#include "services/s3/api.h"
#include "wire/xml.h"

#define HEADER "x-amz-storage-class"
#define STANDARD "STANDARD"

const char *storage_class_named(struct str name)
{
    static const char *const kept[] = {"REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA",
                                       "INTELLIGENT_TIERING", "GLACIER_IR"};
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (str_eqc(name, kept[i]))
            return kept[i];
    return NULL;
}

int storage_class_asked(struct call *c, const char **ret)
{
    struct str said = http_header(c->http, HEADER);
    *ret = storage_class_named(said);
    if (!said.ptr || *ret || str_eqc(said, STANDARD))
        return 0;
    call_error_text(c, "StorageClassRequested", said);
    return call_fail(c, S3_E_STORAGE_CLASS, "The storage class you specified is not valid");
}

void storage_class_reply(struct call *c, const char *storage_class)
{
    if (storage_class)
        http_reply_header(c->http, HEADER, storage_class);
}

void storage_class_put_element(struct buf *out, const char *storage_class)
{
    xml_elem(out, "StorageClass", str_of(storage_class ? storage_class : STANDARD));
}
