/* Slipway's own operations: deliveries leased to couriers and seen by people, and the certificate of the
 * signatures.
 *
 * PollForDeliveries opens its own transactions: a waiting courier only reads. */
#include "base/clock.h"
#include "services/sns/api.h"
#include "services/sns/delivery.h"
#include "services/sns/envelope.h"
#include "wire/json.h"

int sns_get_signing_certificate(struct call *c)
{
    CLEANUP(signing_unload) struct signing signing = {0};
    int rc = signing_load(c->tx, &signing);
    if (rc != 0)
        return rc == DB_NONE ? call_fail(c, SNS_E_NOT_FOUND, "There is no certificate yet.") : rc;
    if (!strstr(json_str(c->in, "Name", ""), signing.id))
        return call_fail(c, SNS_E_NOT_FOUND, "There is no certificate of that name.");
    call_reply(c, 200);
    http_reply_header(c->http, "Content-Type", "application/x-pem-file");
    http_reply_bytes(c->http, str_of(signing.certificate));
    return CALL_REPLIED;
}

/* Deliveries of every account go through here. */
static int shared_only(struct call *c)
{
    if (strcmp(c->caller->account, c->platform->shared_account) == 0)
        return 0;
    return call_fail(
        c, SNS_E_DENIED,
        "User: %s is not authorized to perform: %s: only account %s (shared-services) runs couriers",
        c->caller->arn, c->operation->iam_action, c->platform->shared_account);
}

static int any_due(struct call *c, int64_t *ret_next_ms)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_read(c->platform->db, &tx);
    return rc != 0 ? rc : delivery_due(tx, clock_now_ms(), ret_next_ms);
}

static int lease(struct call *c, bool orphan, json_t *list)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    int rc = db_begin(c->platform->db, &tx);
    if (rc == 0 && orphan)
        rc = delivery_orphan(tx, json_str(c->in, "SuccessorOf", ""));
    if (rc == 0)
        rc = delivery_lease(tx, c->platform, json_str(c->in, "WorkerId", ""),
                            (size_t)json_int(c->in, "MaxBatchSize", 1), list);
    return rc != 0 ? rc : db_commit(&tx);
}

/* Until something is signalled, the next one is due, or the courier's time is up (in c->state). */
static int wait_for_more(struct call *c, int64_t next_ms)
{
    int64_t now_ms = clock_mono_ms(), wait_ms = json_int(c->in, "WaitMs", 0);
    int64_t *deadline_ms = c->state;
    if (!deadline_ms) {
        deadline_ms = arena_alloc(c->arena, sizeof(*deadline_ms));
        if (!deadline_ms)
            return FAULT(ENOMEM);
        *deadline_ms = now_ms + wait_ms;
        c->state = deadline_ms;
    }
    if (now_ms >= *deadline_ms)
        return 0;
    c->wait_deadline_mono_ms = *deadline_ms;
    if (next_ms != INT64_MAX && next_ms - clock_now_ms() < *deadline_ms - now_ms)
        c->wait_deadline_mono_ms = now_ms + next_ms - clock_now_ms() + 1;
    if (c->wait_deadline_mono_ms <= now_ms)
        c->wait_deadline_mono_ms = now_ms + 1;
    return call_wait(c, wait_ms, DELIVERY_TOPIC);
}

int sns_poll_for_deliveries(struct call *c)
{
    bool orphan = json_object_get(c->in, "SuccessorOf") && !c->state;
    json_t *list = json_array();
    int64_t next_ms = INT64_MAX;
    int rc = json_put(c->out, "Deliveries", list);
    if (rc == 0)
        rc = shared_only(c);
    if (rc == 0)
        rc = any_due(c, &next_ms);
    if (rc == 0 || (rc == DB_NONE && orphan))
        rc = lease(c, orphan, list);
    if (rc < 0 || (rc > 0 && rc != DB_NONE) || json_array_size(list) > 0)
        return rc;
    return wait_for_more(c, next_ms);
}

int sns_put_delivery_result(struct call *c)
{
    static const struct {
        const char *name;
        enum delivery_result result;
    } results[] = {{"Delivered", DELIVERY_SENT},
                   {"Failed", DELIVERY_FAILED},
                   {"Refused", DELIVERY_REFUSED},
                   {"Released", DELIVERY_RELEASED}};
    const char *result = json_str(c->in, "Result", "");
    size_t i = 0;
    int64_t id = 0;
    int rc = shared_only(c);
    if (rc != 0)
        return rc;
    while (i + 1 < ARRAY_LEN(results) && strcmp(results[i].name, result) != 0)
        i++;
    if (!str_to_int(str_of(json_str(c->in, "DeliveryId", "")), 1, INT64_MAX, &id))
        return call_fail(c, SNS_E_PARAMETER, "Invalid parameter: DeliveryId");
    return delivery_end(c->tx, c->platform, id, json_str(c->in, "Nonce", ""), results[i].result,
                        json_int(c->in, "StatusCode", 0), json_str(c->in, "Message", ""), &c->reason);
}

int sns_list_deliveries(struct call *c)
{
    const char *arn = json_str(c->in, "TopicArn", NULL), *token = json_str(c->in, "NextToken", NULL);
    char account[13];
    char name[SNS_NAME_MAX + 1];
    int64_t last = 0;
    struct delivery_filter filter = {.account = c->caller->account,
                                     .topic = arn ? name : NULL,
                                     .state = json_str(c->in, "State", NULL),
                                     .before = INT64_MAX,
                                     .max = (size_t)json_int(c->in, "MaxResults", SNS_PAGE)};
    json_t *list = json_array();
    int rc = json_put(c->out, "Deliveries", list);
    if (rc == 0 && arn && !topic_split_arn(str_of(arn), account, name))
        return call_fail(c, SNS_E_PARAMETER, "Invalid parameter: TopicArn");
    if (rc == 0 && token && !str_to_int(str_of(token), 1, INT64_MAX, &filter.before))
        return call_fail(c, SNS_E_PARAMETER, "Invalid parameter: NextToken");
    if (rc == 0)
        rc = delivery_list(c->tx, c->platform, &filter, list, &last);
    return rc != 0 || last == 0 ? rc : json_put_format(c->out, "NextToken", "%lld", (long long)last);
}

int sns_retry_delivery(struct call *c)
{
    int64_t id = 0;
    if (!str_to_int(str_of(json_str(c->in, "DeliveryId", "")), 1, INT64_MAX, &id))
        return call_fail(c, SNS_E_PARAMETER, "Invalid parameter: DeliveryId");
    return delivery_retry(c->tx, c->caller->account, id, &c->reason);
}
