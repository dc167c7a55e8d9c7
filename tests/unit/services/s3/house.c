/* See house.h. */
#include "house.h"
#include "base/io.h"
#include "services/s3/service.h"
#include "services/sqs/service.h"
#include <limits.h>
#include <unistd.h>

static const struct service *const services[] = {&sqs_service, &s3_service, NULL};

void house_start(struct house *house)
{
    char path[PATH_MAX];
    const char *newer = NULL;
    const struct db_schema schemas[] = {
        {"sqs", sqs_service.migrations, sqs_service.migration_count},
        {"s3", s3_service.migrations, s3_service.migration_count},
    };
    snprintf(path, sizeof(path), "%s/slipway.db", house->dir);
    house->platform = (struct platform){
        .data_dir = house->dir, .region = "us-east-1", .endpoint = "http://127.0.0.1", .services = services};
    assert_int_equal(db_open(path, &house->platform.db), 0);
    assert_int_equal(db_migrate(house->platform.db, schemas, ARRAY_LEN(schemas), &newer), 0);
    assert_int_equal(s3_service.start(&house->platform, &house->s3), 0);
    if (house->quiet) {
        s3_service.stop(house->s3);
        house->s3 = NULL;
    }
}

void house_stop(struct house *house)
{
    s3_service.stop(house->s3);
    db_close(&house->platform.db);
}

void house_restart(struct house *house)
{
    house_stop(house);
    house_start(house);
}

struct house *house_new(void)
{
    struct house *house = calloc(1, sizeof(*house));
    assert_non_null(house);
    snprintf(house->dir, sizeof(house->dir), "/tmp/slipway-s3-XXXXXX");
    assert_non_null(mkdtemp(house->dir));
    house_start(house);
    return house;
}

void house_free(struct house *house)
{
    house_stop(house);
    assert_int_equal(io_remove_tree(house->dir), 0);
    free(house);
}

int house_put(struct house *house, const struct house_object *asked)
{
    CLEANUP(upload_deinit) struct upload upload = {.fd = -1};
    CLEANUP(bucket_unload) struct bucket bucket = {0};
    CLEANUP(object_unload) struct object object = {0};
    CLEANUP(db_end) struct tx *tx = NULL;
    struct origin origin = {0};
    char etag[ETAG_SIZE] = "";
    char sha256[SHA256_SIZE] = "";
    struct str rest = asked->bytes;
    int rc = upload_init(&house->platform, UPLOAD_MD5 | UPLOAD_SHA256, &upload);
    while (rc == 0 && rest.len > 0) {
        size_t some = rest.len < 16384 ? rest.len : 16384;
        rc = upload_write(&upload, rest.ptr, some);
        rest = (struct str){rest.ptr + some, rest.len - some};
    }
    if (rc == 0)
        rc = upload_finish(&upload);
    if (rc != 0)
        return rc;
    hex_encode(upload.md5_digest, 16, etag);
    hex_encode(upload.sha256_digest, 32, sha256);
    rc = db_begin_sure(house->platform.db, &tx);
    if (rc == 0)
        rc = bucket_load(tx, asked->bucket, &bucket, NULL);
    struct object_new new = {.key = asked->key,
                             .etag = etag,
                             .sha256 = sha256,
                             .size = upload.size,
                             .headers = "content-type:application/zip\n",
                             .tags = asked->tags,
                             .event = "ObjectCreated:Put",
                             .upload = &upload};
    if (rc == 0)
        rc = object_put(tx, &house->platform, &bucket, &origin, &new, &object, NULL);
    if (rc == 0)
        rc = db_commit(&tx);
    if (rc == 0)
        upload_settle(&upload);
    return rc;
}

int64_t house_count(struct house *house, const char *sql)
{
    CLEANUP(db_end) struct tx *tx = NULL;
    CLEANUP(rows_close) struct rows *rows = NULL;
    assert_int_equal(db_read(house->platform.db, &tx), 0);
    assert_int_equal(tx_query_row(tx, &rows, sql, ""), 0);
    return rows_int(rows, 0);
}
