/* Event notifications: which configuration matches, and AWS's event record.
 * Source: S3 user guide, "Event message structure", version 2.1. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "services/s3/bucket.h"
#include "services/service.h"
#include "wire/json.h"
#include "wire/time.h"
#include "wire/uri.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>

#define EVENT_MAX 16384
#define CONFIGURATIONS_MAX 100
#define FILTERS_MAX ((size_t)16 * 1024) /* bytes of four, decoded */
#define ID_MAX 255
#define BUCKET_ARN_SIZE 256
#define REFUSALS_TOLD_MS 60000

/* Those of AWS that never happen here may be asked for all the same. */
static const char *const event_names[] = {
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectRemoved:*",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
    "s3:ObjectTagging:*",
    "s3:ObjectTagging:Put",
    "s3:ObjectTagging:Delete",
    "s3:LifecycleExpiration:*",
    "s3:LifecycleExpiration:Delete",
    "s3:LifecycleExpiration:DeleteMarkerCreated",
    "s3:ReducedRedundancyLostObject",
    "s3:ObjectRestore:*",
    "s3:ObjectRestore:Post",
    "s3:ObjectRestore:Completed",
    "s3:ObjectRestore:Delete",
    "s3:Replication:*",
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
    "s3:LifecycleTransition",
    "s3:IntelligentTiering",
    "s3:ObjectAcl:Put",
    "s3:ObjectRetention:Put",
    "s3:ObjectAnnotation:*",
    "s3:ObjectAnnotation:Put",
    "s3:ObjectAnnotation:Delete",
};

static const struct target {
    const char *member;
    const char *arn_head;
} targets[] = {{"QueueArn", "arn:aws:sqs:"}, {"TopicArn", "arn:aws:sns:"}};

static const struct target *target_of(const json_t *entry)
{
    for (size_t i = 0; i < ARRAY_LEN(targets); i++)
        if (json_object_get(entry, targets[i].member))
            return &targets[i];
    return &targets[0];
}

static const char *arn_of(const json_t *entry)
{
    return json_str(entry, target_of(entry)->member, "");
}

static bool event_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(event_names); i++)
        if (strcmp(event_names[i], name) == 0)
            return true;
    return false;
}

/* `pattern` is a configured name ("s3:ObjectCreated:*"), `name` an event's without "s3:". */
static bool event_matches(const json_t *queue, const char *name)
{
    const json_t *events = json_object_get(queue, "Events");
    for (size_t i = 0; i < json_array_size(events); i++) {
        const char *pattern = json_string_value(json_array_get(events, i));
        if (pattern && strncmp(pattern, "s3:", 3) == 0 && str_glob(str_of(pattern + 3), str_of(name)))
            return true;
    }
    return false;
}

/* The prefix or suffix that is meant: it is written as in a form, a blank as a plus. What cannot be read so
 * means itself. Source: S3 user guide, "Configuring event notifications using object key name filtering". */
static struct str filter_of(const json_t *queue, const char *member, struct arena **arena)
{
    struct str written = str_of(json_str(queue, member, "")), meant;
    if (!strpbrk(written.ptr, "%+"))
        return written;
    if (!*arena)
        *arena = arena_new(FILTERS_MAX);
    return *arena && uri_decode(*arena, written, true, &meant) == 0 ? meant : written;
}

static bool key_matches(const json_t *queue, const char *key)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    return str_starts(str_of(key), filter_of(queue, "Prefix", &arena)) &&
           str_ends(str_of(key), filter_of(queue, "Suffix", &arena));
}

/* S3 encodes keys in events like form values: a space is '+', '/' stays. */
static int put_key(json_t *object, const char *key)
{
    CLEANUP(buf_free) struct buf encoded = BUF_INIT(3 * S3_KEY_MAX + 1);
    CLEANUP(buf_free) struct buf out = BUF_INIT(3 * S3_KEY_MAX + 1);
    uri_encode(&encoded, str_of(key), true);
    for (size_t i = 0; i < encoded.len; i++) {
        bool space = strncmp(encoded.ptr + i, "%20", 3) == 0;
        buf_putc(&out, space ? '+' : encoded.ptr[i]);
        i += space ? 2 : 0;
    }
    if (buf_error(&encoded) != 0 || buf_error(&out) != 0)
        return FAULT(ENOMEM);
    return json_put_strn(object, "key", buf_str(&out));
}

static json_t *object_json(const struct event *event)
{
    json_t *object = json_object();
    int rc = object ? put_key(object, event->key) : FAULT(ENOMEM);
    if (rc == 0 && event->etag)
        rc = json_put_int(object, "size", event->size);
    if (rc == 0 && event->etag)
        rc = json_put_str(object, "eTag", event->etag);
    if (rc == 0 && event->version_id)
        rc = json_put_str(object, "versionId", event->version_id);
    if (rc == 0)
        rc = json_put_format(object, "sequencer", "%016" PRIX64, event->sequence);
    if (rc != 0)
        json_free(&object);
    return object;
}

/* `arn` keeps what the sender borrows. */
static struct sender sender_of(const struct bucket *bucket, char arn[BUCKET_ARN_SIZE])
{
    (void)snprintf(arn, BUCKET_ARN_SIZE, "arn:aws:s3:::%s", bucket->name);
    return (struct sender){.service = "s3.amazonaws.com", .arn = arn, .account = bucket->account};
}

static json_t *record_json(const struct platform *platform, const struct bucket *bucket,
                           const struct origin *origin, const struct event *event, const char *configuration,
                           const char *arn)
{
    char time[TIME_TEXT_SIZE];
    time_iso8601(clock_now_ms(), time);
    CLEANUP(buf_free) struct buf principal = BUF_INIT(512);
    buf_printf(&principal, "AWS:%s", origin->principal ? origin->principal : bucket->account);
    if (buf_error(&principal) != 0)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:s}, s:{s:s}, s:{s:s, s:s}, "
                     "s:{s:s, s:s, s:{s:s, s:{s:s}, s:s}, s:o}}",
                     "eventVersion", "2.1", "eventSource", "aws:s3", "awsRegion", platform->region,
                     "eventTime", time, "eventName", event->name, "userIdentity", "principalId",
                     principal.ptr, "requestParameters", "sourceIPAddress",
                     origin->peer ? origin->peer : "127.0.0.1", "responseElements", "x-amz-request-id",
                     origin->request_id ? origin->request_id : "", "x-amz-id-2",
                     origin->request_id ? origin->request_id : "", "s3", "s3SchemaVersion", "1.0",
                     "configurationId", configuration, "bucket", "name", bucket->name, "ownerIdentity",
                     "principalId", bucket->account, "arn", arn, "object", object_json(event));
}

/* Once a minute, whatever is refused: it is the senders who say how often. */
static void tell_refused(const struct sender *sender, const char *target)
{
    static _Atomic int64_t told_ms, untold;
    int64_t now_ms = clock_now_ms(), before_ms = atomic_load(&told_ms);
    if (now_ms - before_ms < REFUSALS_TOLD_MS ||
        !atomic_compare_exchange_strong(&told_ms, &before_ms, now_ms)) {
        atomic_fetch_add(&untold, 1);
        return;
    }
    log_warn(
        "s3",
        "an event of %s was dropped: %s refuses it, as its policy does not allow s3.amazonaws.com "
        "sqs:SendMessage for this bucket of account %s (%lld more events were dropped since this was last "
        "said)",
        sender->arn, target, sender->account, (long long)atomic_exchange(&untold, 0));
}

static int send_one(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                    const struct origin *origin, const struct event *event, const json_t *queue)
{
    char arn[BUCKET_ARN_SIZE];
    const struct sender sender = sender_of(bucket, arn);
    json_t *record = record_json(platform, bucket, origin, event, json_str(queue, "Id", ""), arn);
    CLEANUP(json_free) json_t *body = record ? json_pack("{s:[o]}", "Records", record) : NULL;
    CLEANUP(buf_free) struct buf text = BUF_INIT(EVENT_MAX);
    int rc = body ? json_write(body, &text) : FAULT(ENOMEM);
    if (rc == 0)
        rc = service_deliver(tx, platform, &sender, arn_of(queue), buf_str(&text));
    if (rc == DELIVER_REFUSED)
        tell_refused(&sender, arn_of(queue));
    /* A target deleted since, or that takes nothing of the bucket any more: as on AWS, the put succeeds. */
    return rc > 0 ? 0 : rc;
}

int notify(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
           const struct origin *origin, const struct event *event)
{
    if (!bucket->notification)
        return 0;
    CLEANUP(json_free) json_t *queues = NULL;
    if (json_parse(str_of(bucket->notification), &queues, NULL) != 0)
        return FAULT(EBADMSG);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(queues); i++) {
        const json_t *queue = json_array_get(queues, i);
        if (event_matches(queue, event->name) && key_matches(queue, event->key))
            rc = send_one(tx, platform, bucket, origin, event, queue);
    }
    return rc;
}

static bool shares_event(const json_t *a, const json_t *b)
{
    const json_t *names = json_object_get(a, "Events");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && event_matches(b, name + strlen("s3:")))
            return true;
    }
    return false;
}

static bool overlap(const json_t *a, const json_t *b)
{
    CLEANUP(arena_free) struct arena *arena = NULL;
    struct str pa = filter_of(a, "Prefix", &arena);
    struct str pb = filter_of(b, "Prefix", &arena);
    struct str sa = filter_of(a, "Suffix", &arena);
    struct str sb = filter_of(b, "Suffix", &arena);
    return (shares_event(a, b) || shares_event(b, a)) && (str_starts(pa, pb) || str_starts(pb, pa)) &&
           (str_ends(sa, sb) || str_ends(sb, sa));
}

static int check_events(const json_t *queue, struct reason *why)
{
    const json_t *events = json_object_get(queue, "Events");
    if (json_array_size(events) == 0)
        return reason_set(why, S3_E_XML, "A notification configuration names no Event.");
    for (size_t i = 0; i < json_array_size(events); i++) {
        const char *name = json_string_value(json_array_get(events, i));
        if (!name || !event_known(name))
            return reason_set(why, S3_E_ARGUMENT, "The event is not supported for notifications: %s",
                              name ? name : "");
    }
    return 0;
}

/* Whether the bucket tells this target already. */
static bool names_target(const struct bucket *bucket, const char *arn)
{
    CLEANUP(json_free) json_t *queues = NULL;
    if (!bucket->notification || json_parse(str_of(bucket->notification), &queues, NULL) != 0)
        return false;
    for (size_t i = 0; i < json_array_size(queues); i++)
        if (strcmp(arn_of(json_array_get(queues, i)), arn) == 0)
            return true;
    return false;
}

static int send_test(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                     const char *arn, struct reason *why)
{
    char time[TIME_TEXT_SIZE];
    char id[ID_UUID_SIZE];
    char bucket_arn[BUCKET_ARN_SIZE];
    struct sender sender = sender_of(bucket, bucket_arn);
    sender.is_new = !names_target(bucket, arn);
    time_iso8601(clock_now_ms(), time);
    id_uuid(id);
    CLEANUP(json_free)
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "Service", "Amazon S3", "Event", "s3:TestEvent", "Time",
                  time, "Bucket", bucket->name, "RequestId", id, "HostId", id);
    CLEANUP(buf_free) struct buf text = BUF_INIT(EVENT_MAX);
    int rc = body ? json_write(body, &text) : FAULT(ENOMEM);
    if (rc == 0)
        rc = service_deliver(tx, platform, &sender, arn, buf_str(&text));
    if (rc == DELIVER_NO_TARGET)
        return reason_set(why, S3_E_ARGUMENT,
                          "Unable to validate the following destination configurations: %s. Create it first.",
                          arn);
    if (rc == DELIVER_REFUSED)
        return reason_set(
            why, S3_E_ARGUMENT,
            "Unable to validate the following destination configurations: %s. Permissions on the "
            "destination queue do not allow S3 to publish notifications from this bucket: let its "
            "Policy allow s3.amazonaws.com sqs:SendMessage.",
            arn);
    return rc;
}

/* A topic takes messages of its own account only. */
static int check_target(const struct platform *platform, const struct bucket *bucket, const json_t *entry,
                        struct reason *why)
{
    const struct target *target = target_of(entry);
    struct str rest = str_of(arn_of(entry));
    if (!str_starts(rest, str_of(target->arn_head)))
        return reason_set(why, S3_E_ARGUMENT, "The ARN is not well formed");
    for (int i = 0; i < 3; i++)
        (void)str_split(&rest, ':');
    if (!str_eqc(str_split(&rest, ':'), platform->region))
        return reason_set(why, S3_E_ARGUMENT,
                          "The notification destination service region is not valid for the bucket location "
                          "constraint");
    if (strcmp(target->member, "TopicArn") != 0 || str_eqc(str_split(&rest, ':'), bucket->account))
        return 0;
    return reason_set(
        why, S3_E_ARGUMENT,
        "Unable to validate the following destination configurations: %s. A topic must be of the bucket's "
        "account.",
        arn_of(entry));
}

static int check_filters(const json_t *entry, struct reason *why)
{
    static const char *const members[] = {"Prefix", "Suffix"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (strlen(json_str(entry, members[i], "")) > S3_KEY_MAX)
            return reason_set(why, S3_E_ARGUMENT,
                              "Size of filter rule value cannot exceed %d bytes in UTF-8 representation",
                              S3_KEY_MAX);
    return 0;
}

static int check_one(const struct platform *platform, const struct bucket *bucket, const json_t *entry,
                     struct reason *why)
{
    int rc = strlen(json_str(entry, "Id", "")) <= ID_MAX
                 ? check_events(entry, why)
                 : reason_set(why, S3_E_ARGUMENT, "ID length exceeded allowed limit of %d", ID_MAX);
    if (rc == 0)
        rc = check_target(platform, bucket, entry, why);
    return rc != 0 ? rc : check_filters(entry, why);
}

static bool has_filter(const json_t *entry)
{
    return json_object_get(entry, "Prefix") || json_object_get(entry, "Suffix");
}

static int check_pair(const json_t *a, const json_t *b, struct reason *why)
{
    if (strcmp(json_str(a, "Id", "a"), json_str(b, "Id", "b")) == 0)
        return reason_set(why, S3_E_ARGUMENT,
                          "Same ID used for multiple configurations. IDs must be unique.");
    if (!overlap(a, b))
        return 0;
    return reason_set(why, S3_E_ARGUMENT,
                      has_filter(a) || has_filter(b)
                          ? "Configuration is ambiguously defined. Cannot have overlapping suffixes in two "
                            "rules if the prefixes are overlapping for the same event type."
                          : "Configurations overlap. Configurations on the same bucket cannot share a common "
                            "event type.");
}

int notification_check(const struct platform *platform, const struct bucket *bucket, const json_t *queues,
                       struct reason *why)
{
    if (json_array_size(queues) > CONFIGURATIONS_MAX)
        return reason_set(why, S3_E_ARGUMENT, "A bucket takes at most %d notification configurations.",
                          CONFIGURATIONS_MAX);
    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *queue = json_array_get(queues, i);
        int rc = check_one(platform, bucket, queue, why);
        for (size_t k = 0; rc == 0 && k < i; k++)
            rc = check_pair(queue, json_array_get(queues, k), why);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int notification_test(struct tx *tx, const struct platform *platform, const struct bucket *bucket,
                      const json_t *queues, struct reason *why)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(queues); i++)
        rc = send_test(tx, platform, bucket, arn_of(json_array_get(queues, i)), why);
    return rc;
}
