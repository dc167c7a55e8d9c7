/* Buckets: names, settings, deletion. Source: S3 user guide, "Bucket naming rules". */
#include "base/clock.h"
#include "services/s3/multipart.h"
#include "services/s3/setting.h"
#include "services/s3/tag.h"
#include "services/service.h"
#include "wire/json.h"
#include <ctype.h>

static const char *const versioning_names[] = {
    [VERSIONING_NEVER] = NULL, [VERSIONING_ENABLED] = "Enabled", [VERSIONING_SUSPENDED] = "Suspended"};

const char *versioning_name(enum versioning versioning)
{
    return versioning_names[versioning];
}

enum versioning versioning_named(const char *name)
{
    for (size_t i = VERSIONING_ENABLED; i < ARRAY_LEN(versioning_names); i++)
        if (strcmp(versioning_names[i], name) == 0)
            return (enum versioning)i;
    return VERSIONING_NEVER;
}

static bool label_char(char c)
{
    return islower((unsigned char)c) || isdigit((unsigned char)c);
}

static bool looks_like_address(const char *name)
{
    int dots = 0;
    for (const char *p = name; *p; p++) {
        if (!isdigit((unsigned char)*p) && *p != '.')
            return false;
        dots += *p == '.';
    }
    return dots == 3;
}

/* For access points, directory buckets, tables and the examples of AWS's papers. */
static bool is_reserved(struct str name)
{
    static const char *const prefixes[] = {"xn--", "sthree-", "amzn-s3-demo-"};
    static const char *const suffixes[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (str_starts(name, str_of(prefixes[i])))
            return true;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (str_ends(name, str_of(suffixes[i])))
            return true;
    return false;
}

bool bucket_name_ok(const char *name)
{
    size_t len = strlen(name);
    if (len < 3 || len > S3_BUCKET_NAME_MAX || !label_char(name[0]) || !label_char(name[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!label_char(name[i]) && name[i] != '-' && name[i] != '.')
            return false;
        if (name[i] == '.' && name[i + 1] == '.')
            return false;
    }
    return !looks_like_address(name) && !is_reserved(str_of(name));
}

int bucket_create(struct tx *tx, const struct platform *platform, const char *account, const char *bucket,
                  struct reason *why)
{
    (void)platform;
    if (!bucket_name_ok(bucket))
        return reason_set(why, S3_E_BUCKET_NAME, "The specified bucket is not valid.");
    CLEANUP(bucket_unload) struct bucket old = {0};
    int rc = bucket_load(tx, bucket, &old, NULL);
    if (rc < 0)
        return rc;
    if (rc == 0 && strcmp(old.account, account) == 0)
        return reason_set(
            why, S3_E_BUCKET_OWNED,
            "Your previous request to create the named bucket succeeded and you already own it.");
    if (rc == 0)
        return reason_set(
            why, S3_E_BUCKET_EXISTS,
            "The requested bucket name is not available. The bucket namespace is shared by all users "
            "of the system. Please select a different name and try again.");
    rc = tx_exec(tx, "INSERT INTO s3_bucket (name, account, created_ms) VALUES ($1, $2, $3)", "ssi", bucket,
                 account, clock_now_ms());
    bucket_changed(bucket);
    return rc != 0 ? rc : settings_of_birth(tx, bucket);
}

static int set_column(struct tx *tx, const char *sql, const char *value, const char *bucket)
{
    int rc = tx_exec(tx, sql, "ss", value, bucket);
    bucket_changed(bucket);
    return rc;
}

/* 0 when there is such a bucket. Whether the caller may change it has been decided before (access.c). */
static int must_exist(struct tx *tx, const char *bucket, struct reason *why)
{
    CLEANUP(bucket_unload) struct bucket found = {0};
    return bucket_load(tx, bucket, &found, why);
}

int bucket_set_versioning(struct tx *tx, const struct platform *platform, const char *account,
                          const char *bucket, const char *status, struct reason *why)
{
    (void)platform;
    (void)account;
    enum versioning versioning = versioning_named(status);
    if (*status == '\0')
        return reason_set(why, S3_E_VERSIONING, "The Versioning element must be specified");
    if (versioning == VERSIONING_NEVER)
        return reason_set(why, S3_E_XML, "The versioning status '%s' is neither Enabled nor Suspended.",
                          status);
    CLEANUP(bucket_unload) struct bucket found = {0};
    int rc = bucket_load(tx, bucket, &found, why);
    if (rc == 0 && found.object_lock && versioning != VERSIONING_ENABLED)
        return reason_set(why, S3_E_BUCKET_STATE,
                          "An Object Lock configuration is present on this bucket, so the versioning state "
                          "cannot be changed.");
    return rc != 0 ? rc
                   : set_column(tx, "UPDATE s3_bucket SET versioning = $1 WHERE name = $2", status, bucket);
}

int bucket_set_notification_unseen(struct tx *tx, const struct platform *platform, const char *bucket,
                                   const json_t *queues, struct reason *why)
{
    CLEANUP(bucket_unload) struct bucket found = {0};
    int rc = bucket_load(tx, bucket, &found, why);
    if (rc == 0)
        rc = notification_check(platform, &found, queues, why);
    if (rc != 0)
        return rc;
    CLEANUP(free_ptr) char *text = json_array_size(queues) > 0 ? json_text(queues) : NULL;
    if (!text && json_array_size(queues) > 0)
        return FAULT(ENOMEM);
    return set_column(tx, "UPDATE s3_bucket SET notification = $1 WHERE name = $2", text, bucket);
}

int bucket_set_notification(struct tx *tx, const struct platform *platform, const char *account,
                            const char *bucket, const json_t *queues, struct reason *why)
{
    (void)account;
    CLEANUP(bucket_unload) struct bucket before = {0};
    int rc = bucket_load(tx, bucket, &before, why);
    if (rc == 0)
        rc = bucket_set_notification_unseen(tx, platform, bucket, queues, why);
    return rc != 0 ? rc : notification_test(tx, platform, &before, queues, why);
}

int bucket_is_of(struct tx *tx, const char *account, const char *bucket, struct reason *why)
{
    CLEANUP(bucket_unload) struct bucket found = {0};
    int rc = bucket_load(tx, bucket, &found, why);
    return rc != 0 || strcmp(found.account, account) == 0
               ? rc
               : reason_set(why, S3_E_DENIED, "Access Denied: the bucket %s is another account's.", bucket);
}

int bucket_set(struct tx *tx, const char *bucket, const char *kind, json_t *document, struct reason *why)
{
    CLEANUP(bucket_unload) struct bucket found = {0};
    int rc = bucket_load(tx, bucket, &found, why);
    if (rc == 0)
        rc = document ? setting_put(tx, &found, kind, document, why) : setting_remove(tx, bucket, kind);
    return rc;
}

static int check_tags(const json_t *tags, struct reason *why)
{
    if (json_object_size(tags) > 50)
        return reason_set(why, S3_E_TAG, "Bucket tag count cannot be greater than 50");
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)tags, key, value) {
        const char *text = json_string_value(value);
        if (!tag_key_good(str_of(key)))
            return reason_set(why, S3_E_TAG, "The TagKey you have provided is invalid");
        if (tag_key_is_aws(str_of(key)))
            return reason_set(why, S3_E_TAG, "System tags cannot be added/updated by requester");
        if (!text || !tag_value_good(str_of(text)))
            return reason_set(why, S3_E_TAG, "The TagValue you have provided is invalid");
    }
    return 0;
}

int bucket_set_tags(struct tx *tx, const struct platform *platform, const char *account, const char *bucket,
                    const json_t *tags, struct reason *why)
{
    (void)platform;
    (void)account;
    int rc = check_tags(tags, why);
    if (rc == 0)
        rc = must_exist(tx, bucket, why);
    if (rc != 0)
        return rc;
    CLEANUP(free_ptr) char *text = json_object_size(tags) > 0 ? json_text(tags) : NULL;
    if (!text && json_object_size(tags) > 0)
        return FAULT(ENOMEM);
    return set_column(tx, "UPDATE s3_bucket SET tags = $1 WHERE name = $2", text, bucket);
}

/* As on S3, they do not keep a bucket. */
static int abort_uploads(struct tx *tx, const char *bucket)
{
    int rc = 0;
    while (rc == 0) {
        CLEANUP(rows_close) struct rows *rows = NULL;
        char id[UPLOAD_ID_SIZE] = "";
        rc = tx_query_row(tx, &rows, "SELECT id FROM s3_upload WHERE bucket = $1 LIMIT 1", "s", bucket);
        if (rc == 0)
            str_copy(id, sizeof(id), rows_text(rows, 0));
        rows_close(&rows);
        if (rc == 0)
            rc = multipart_remove(tx, id);
    }
    return rc == DB_NONE ? 0 : rc;
}

int bucket_delete(struct tx *tx, const struct platform *platform, const char *account, const char *bucket,
                  struct reason *why)
{
    (void)platform;
    (void)account;
    int rc = must_exist(tx, bucket, why);
    if (rc != 0)
        return rc;
    CLEANUP(rows_close) struct rows *rows = NULL;
    rc = tx_query_row(tx, &rows, "SELECT 1 FROM s3_object WHERE bucket = $1 LIMIT 1", "s", bucket);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return reason_set(
            why, S3_E_BUCKET_NOT_EMPTY,
            "The bucket you tried to delete is not empty. You must delete all versions in the bucket.");
    rc = abort_uploads(tx, bucket);
    if (rc == 0)
        rc = settings_remove(tx, bucket);
    if (rc == 0)
        rc = tx_exec(tx, "DELETE FROM s3_bucket WHERE name = $1", "s", bucket);
    bucket_changed(bucket);
    return rc;
}
