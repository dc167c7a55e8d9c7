/* Slipway's own, for shared-services only. GetStoreHealth, `GET /?health`: what is known to be damaged, to be
 * counted by whoever watches the server, and when the scrubber's last pass began.
 *
 *   <StoreHealthResult><DamagedBlobs>0</DamagedBlobs><DamagedBytes>0</DamagedBytes><PassBegan>2026-…Z</PassBegan>
 *     <PassOver>true</PassOver></StoreHealthResult>
 *
 * VerifyObjects, `POST /?verify&marker=N` reads a part of all accounts' objects from the disk
 * and tells which are damaged; NextMarker is where the next call goes on.
 *
 *   <VerifyObjectsResult><Blobs>12</Blobs><Bytes>123456</Bytes>
 *     <Damaged><Bucket/><Key/><VersionId/><SHA256/><Reason/></Damaged>…<NextMarker>N</NextMarker>
 *   </VerifyObjectsResult> */
#include "services/s3/api.h"
#include "services/s3/verify.h"
#include "wire/json.h"
#include "wire/xml.h"

#define BYTES_A_CALL (256 << 20)
#define ANSWER_MAX (16 << 20)

static void put_damaged(struct buf *out, const json_t *damaged)
{
    static const char *const members[][2] = {{"Bucket", "bucket"},
                                             {"Key", "key"},
                                             {"VersionId", "versionId"},
                                             {"SHA256", "sha256"},
                                             {"Reason", "why"}};
    const json_t *object;
    size_t i;
    json_array_foreach (damaged, i, object) {
        xml_open(out, "Damaged");
        for (size_t k = 0; k < ARRAY_LEN(members); k++)
            xml_elem(out, members[k][0], str_of(json_str(object, members[k][1], "")));
        xml_close(out, "Damaged");
    }
}

static int reply(struct call *c, const struct verify_findings *findings)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    xml_head(&out);
    xml_open_ns(&out, "VerifyObjectsResult", S3_XMLNS);
    xml_elem_int(&out, "Blobs", findings->blobs);
    xml_elem_int(&out, "Bytes", findings->bytes);
    put_damaged(&out, findings->damaged);
    if (findings->next > 0)
        xml_elem_int(&out, "NextMarker", findings->next);
    xml_close(&out, "VerifyObjectsResult");
    return api_reply_xml(c, &out);
}

static int check_operator(struct call *c)
{
    return strcmp(c->caller->account, c->platform->shared_account) == 0
               ? 0
               : call_fail(c, S3_E_DENIED, "Access Denied: only shared-services looks after the store");
}

int api_get_health(struct call *c)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(1024);
    struct store_health health = {0};
    char began[TIME_TEXT_SIZE];
    int rc = check_operator(c);
    if (rc == 0)
        rc = blobs_health(c->tx, &health);
    if (rc != 0)
        return rc;
    xml_head(&out);
    xml_open_ns(&out, "StoreHealthResult", S3_XMLNS);
    xml_elem_int(&out, "DamagedBlobs", health.damaged_blobs);
    xml_elem_int(&out, "DamagedBytes", health.damaged_bytes);
    if (health.pass_began_ms > 0) {
        time_iso8601(health.pass_began_ms, began);
        xml_elem(&out, "PassBegan", str_of(began));
        xml_elem_bool(&out, "PassOver", health.pass_over);
    }
    xml_close(&out, "StoreHealthResult");
    return api_reply_xml(c, &out);
}

int api_verify_objects(struct call *c)
{
    struct str marker = uri_get(&c->query, "marker");
    struct verify_range range = {.max_bytes = BYTES_A_CALL};
    struct verify_findings findings;
    if (check_operator(c) != 0)
        return S3_E_DENIED;
    if (marker.len > 0 && !str_to_int(marker, 0, INT64_MAX, &range.after))
        return call_fail(c, S3_E_ARGUMENT, "The marker is not one of an earlier answer: start without it");
    int rc = blobs_verify(c->platform, &range, &findings);
    if (rc == 0)
        rc = reply(c, &findings);
    json_decref(findings.damaged);
    return rc;
}
