/* Slipway's own: what accounts keep, and their quotas.
 *
 *   GET /?usage            ListUsage: every account's for shared-services, one's own for others.
 *     <ListUsageResult><Account><AccountId/><Objects/><Bytes/><MaxObjects/><MaxBytes/></Account>…
 *     An account without a limit has no Max element.
 *   PUT /?quota&account=ID PutQuota, for shared-services: <Quota><MaxObjects/><MaxBytes/></Quota>; what is
 * left out is not limited. */
#include "services/iam/iam.h"
#include "services/s3/quota.h"
#include "services/s3/usage.h"
#include "wire/json.h"
#include "wire/xml.h"

#define ANSWER_MAX (1 << 20)

static bool is_operator(const struct call *c)
{
    return strcmp(c->caller->account, c->platform->shared_account) == 0;
}

static void put_usage(struct buf *out, const struct usage *usage)
{
    xml_open(out, "Account");
    xml_elem(out, "AccountId", str_of(usage->account));
    xml_elem_int(out, "Objects", usage->objects);
    xml_elem_int(out, "Bytes", usage->bytes);
    if (usage->objects_max >= 0)
        xml_elem_int(out, "MaxObjects", usage->objects_max);
    if (usage->bytes_max >= 0)
        xml_elem_int(out, "MaxBytes", usage->bytes_max);
    xml_close(out, "Account");
}

static int put_all(struct call *c, struct tx *tx, struct buf *out)
{
    struct usage usage = {0};
    int rc = 0;
    if (!is_operator(c)) {
        rc = usage_load(tx, c->caller->account, &usage);
        put_usage(out, &usage);
        return rc;
    }
    while ((rc = usage_next(tx, usage.account, &usage)) == 0)
        put_usage(out, &usage);
    return rc == DB_NONE ? 0 : rc;
}

int api_list_usage(struct call *c)
{
    CLEANUP(buf_free) struct buf out = BUF_INIT(ANSWER_MAX);
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(c->platform->db, &tx);
    xml_head(&out);
    xml_open_ns(&out, "ListUsageResult", S3_XMLNS);
    if (rc == 0)
        rc = put_all(c, tx, &out);
    xml_close(&out, "ListUsageResult");
    return rc != 0 ? rc : api_reply_xml(c, &out);
}

/* -1 when it is left out. */
static int read_limit(struct call *c, const char *member, int64_t *ret)
{
    const json_t *said = json_object_get(c->in, member);
    *ret = said ? json_integer_value(said) : -1;
    return *ret >= 0 || !said ? 0 : call_fail(c, S3_E_ARGUMENT, "%s must not be negative", member);
}

int api_put_quota(struct call *c)
{
    struct str account = uri_get(&c->query, "account");
    struct account known;
    int64_t objects_max = -1, bytes_max = -1;
    if (!is_operator(c))
        return call_fail(c, S3_E_DENIED, "Access Denied: only shared-services sets quotas");
    int rc = read_limit(c, "MaxObjects", &objects_max);
    if (rc == 0)
        rc = read_limit(c, "MaxBytes", &bytes_max);
    int found = rc == 0 && account.len > 0 ? account_get(c->tx, account.ptr, &known) : 0;
    if (found < 0)
        return found;
    if (rc == 0 && (account.len == 0 || found != 0))
        return call_fail(c, S3_E_ARGUMENT, "account must be the id of an account that there is");
    return rc != 0 ? rc : usage_limit(c->tx, account.ptr, objects_max, bytes_max);
}

int api_check_quota(struct call *c, int64_t len)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object old = {0};
    struct usage usage;
    if (len <= BLOB_INLINE_MAX || !c->caller)
        return 0;
    int rc = call_read(c, &tx);
    if (rc == 0)
        rc = usage_load(tx, c->caller->account, &usage);
    if (rc != 0 || usage_fits(&usage, len, NULL) == 0)
        return rc;
    if (bucket_load(tx, c->bucket, &bucket, NULL) != 0 || bucket.versioning == VERSIONING_ENABLED ||
        object_find(tx, c->bucket, c->key, "null", &old) != 0)
        return usage_fits(&usage, len, &c->reason);
    return usage_fits(&usage, len - (strcmp(old.account, usage.account) == 0 ? old.size : 0), &c->reason);
}
