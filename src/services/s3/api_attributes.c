/* GetObjectAttributes. Source: S3 API reference; the ETag has no quotes and a composite checksum no count
 * here, as observed with S3. */
#include "services/s3/argument.h"
#include "services/s3/checksum_api.h"
#include "services/s3/object_part.h"
#include "services/s3/storage_class.h"
#include "wire/xml.h"

#define ANSWER_MAX (1u << 20)
#define PAGE_MAX 1000

enum attribute { ETAG = 1, CHECKSUM = 2, OBJECT_PARTS = 4, STORAGE_CLASS = 8, OBJECT_SIZE = 16 };

static const struct {
    const char *name;
    unsigned bit;
} attributes[] = {{"ETag", ETAG},
                  {"Checksum", CHECKSUM},
                  {"ObjectParts", OBJECT_PARTS},
                  {"StorageClass", STORAGE_CLASS},
                  {"ObjectSize", OBJECT_SIZE}};

static int read_asked(struct call *c, unsigned *ret)
{
    struct str rest = http_header(c->http, "x-amz-object-attributes");
    *ret = 0;
    if (str_trim(rest).len == 0)
        return call_fail(
            c, S3_E_REQUEST,
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either "
            "missing or empty");
    while (rest.ptr) {
        struct str name = str_trim(str_split(&rest, ','));
        unsigned bit = 0;
        for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
            if (str_eqc(name, attributes[i].name))
                bit = attributes[i].bit;
        if (bit == 0)
            return api_bad_argument(c, "x-amz-object-attributes", name, "Invalid attribute name specified.");
        *ret |= bit;
    }
    return 0;
}

static int read_page(struct call *c, int64_t *ret_after, int64_t *ret_max)
{
    struct str after = http_header(c->http, "x-amz-part-number-marker");
    struct str max = http_header(c->http, "x-amz-max-parts");
    *ret_after = 0;
    *ret_max = PAGE_MAX;
    if ((after.ptr && !str_to_int(str_trim(after), 0, INT32_MAX, ret_after)) ||
        (max.ptr && !str_to_int(str_trim(max), 0, INT32_MAX, ret_max)))
        return call_fail(c, S3_E_ARGUMENT,
                         "x-amz-part-number-marker and x-amz-max-parts take a number that is not negative.");
    if (*ret_max > PAGE_MAX)
        *ret_max = PAGE_MAX;
    return 0;
}

static void put_checksum(struct buf *out, const struct checksum_value *value)
{
    char text[CHECKSUM_TEXT_SIZE];
    struct str bare = str_of(value->text);
    bare = str_split(&bare, '-');
    if (value->algorithm == CHECKSUM_NONE)
        return;
    memcpy(text, bare.ptr, bare.len);
    text[bare.len] = '\0';
    xml_open(out, "Checksum");
    checksum_put_element(out, value->algorithm, text);
    xml_elem(out, "ChecksumType", str_of(checksum_type(value->composite)));
    xml_close(out, "Checksum");
}

static int put_part_list(struct call *c, struct tx *tx, struct buf *out, const struct object *object)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(buf_free) struct buf parts = BUF_INIT(ANSWER_MAX);
    struct object_part part;
    int64_t after, max, last = 0, count = 0;
    int rc = read_page(c, &after, &max);
    if (rc == 0)
        rc = object_part_list(tx, object->sequence, after, max + 1, &rows);
    while (rc == 0 && (rc = object_part_next(rows, &part)) == 0 && count++ < max) {
        last = part.number;
        xml_open(&parts, "Part");
        xml_elem_int(&parts, "PartNumber", part.number);
        xml_elem_int(&parts, "Size", part.size);
        checksum_put_element(&parts, object->checksum.algorithm, part.checksum);
        xml_close(&parts, "Part");
    }
    if (rc != 0 && rc != DB_NONE)
        return rc;
    xml_elem_int(out, "PartNumberMarker", after);
    xml_elem_int(out, "NextPartNumberMarker", last);
    xml_elem_int(out, "MaxParts", max);
    xml_elem_bool(out, "IsTruncated", count > max);
    return buf_error(&parts) != 0 ? FAULT(buf_error(&parts)) : buf_put_str(out, buf_str(&parts));
}

/* The parts themselves are listed where each has a checksum of its own. */
static int put_parts(struct call *c, struct tx *tx, struct buf *out, const struct object *object)
{
    int rc = 0;
    if (object->parts == 0)
        return 0;
    xml_open(out, "ObjectParts");
    xml_elem_int(out, "PartsCount", object->parts);
    if (object->checksum.composite)
        rc = put_part_list(c, tx, out, object);
    xml_close(out, "ObjectParts");
    return rc;
}

static int put_attributes(struct call *c, struct tx *tx, unsigned asked, const struct object *object,
                          struct buf *out)
{
    int rc = 0;
    xml_head(out);
    xml_open_ns(out, "GetObjectAttributesResponse", S3_XMLNS);
    if (asked & ETAG)
        xml_elem(out, "ETag", str_of(object->etag));
    if (asked & CHECKSUM)
        put_checksum(out, &object->checksum);
    if (asked & OBJECT_PARTS)
        rc = put_parts(c, tx, out, object);
    if (asked & STORAGE_CLASS)
        storage_class_put_element(out, object->storage_class);
    if (asked & OBJECT_SIZE)
        xml_elem_int(out, "ObjectSize", object->size);
    xml_close(out, "GetObjectAttributesResponse");
    if (rc != 0)
        return rc;
    return buf_error(out) != 0 ? FAULT(buf_error(out)) : 0;
}

int api_get_attributes(struct call *c)
{
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(db_end) struct tx *tx = NULL;
    const char *version_id = NULL;
    unsigned asked = 0;
    char time[TIME_TEXT_SIZE];
    int rc = api_check_key(c);
    if (rc == 0)
        rc = api_version_id(c, &version_id);
    if (rc == 0)
        rc = read_asked(c, &asked);
    if (rc == 0)
        rc = db_read(c->platform->db, &tx);
    if (rc == 0)
        rc = api_bucket(c, tx, &bucket);
    if (rc == 0)
        rc = api_find_object(c, tx, &bucket, c->key, version_id, &object);
    if (rc == 0)
        rc = put_attributes(c, tx, asked, &object, &out);
    if (rc != 0)
        return rc;
    time_http(object.modified_ms, time);
    call_reply(c, 200);
    http_reply_header(c->http, "Last-Modified", time);
    if (bucket.versioning != VERSIONING_NEVER)
        http_reply_header(c->http, "x-amz-version-id", object.version_id);
    api_send_xml(c, &out);
    return CALL_REPLIED;
}
