/* Jobs that workers take, and what these are told of them: their credentials are made, and their data is
 * read, after the commit, so that nobody waits for it. */
#include "services/codepipeline/pipeline.h"
#include "base/clock.h"
#include "base/mem.h"
#include "services/codebuild/shapes.h"
#include "services/codepipeline/action_type.h"
#include "services/iam/iam.h"
#include "services/shape.h"
#include "wire/json.h"

#define CREDENTIALS_S 3600

struct lease {
    struct job_row row;
    struct session_grant grant;
    bool granted;  /* else its account has no deploy role: the worker has its own credentials */
    json_t *build; /* its own; NULL: none */
    int64_t now_ms;
};

struct job_leases {
    bool extended; /* with what anchors are told besides */
    size_t count;
    size_t room;
    struct lease *list;
};

void job_leases_free(struct job_leases **leases)
{
    for (size_t i = 0; *leases && i < (*leases)->count; i++) {
        job_row_free(&(*leases)->list[i].row);
        json_decref((*leases)->list[i].build);
    }
    if (*leases)
        free((*leases)->list);
    free(take(*leases));
}

size_t job_leases_count(const struct job_leases *leases)
{
    return leases->count;
}

static int leases_new(size_t room, bool extended, struct job_leases **ret)
{
    CLEANUP(job_leases_free) struct job_leases *leases = mem_alloc(sizeof(*leases));

    if (!leases)
        return FAULT(ENOMEM);
    leases->extended = extended;
    leases->room = room;
    leases->list = mem_alloc((room > 0 ? room : 1) * sizeof(*leases->list));
    if (!leases->list)
        return FAULT(ENOMEM);
    *ret = take(leases);
    return 0;
}

/* ---- with the transaction */

#define JOB_SESSION_SIZE (sizeof("job-") + ID_UUID_SIZE)

static struct session_spec session_of(const struct lease *lease, char ret_name[JOB_SESSION_SIZE])
{
    static const char prefix[] = "job-";

    str_copy(ret_name, JOB_SESSION_SIZE, prefix);
    str_copy(ret_name + strlen(prefix), ID_UUID_SIZE, lease->row.job.id);
    return (struct session_spec){
        .account = lease->row.pipeline_account,
        .role_name = IAM_DEPLOY_ROLE,
        .session_name = ret_name,
        .duration_s = CREDENTIALS_S,
    };
}

static int lease_grant(struct tx *tx, struct lease *lease)
{
    char name[JOB_SESSION_SIZE];
    struct session_spec spec = session_of(lease, name);
    int r = session_allow(tx, &spec, &lease->grant, NULL);

    lease->granted = r == 0;
    if (r == IAM_NO_ENTITY)
        return 0;
    return r > 0 ? FAULT(EPROTO) : r;
}

/* The next place is the job's. */
static int lease_add(struct tx *tx, struct job_row *row, struct job_leases *leases, struct lease **ret)
{
    struct lease *lease = &leases->list[leases->count];

    assert(leases->count < leases->room);
    leases->count++;
    lease->row = *row;
    *row = (struct job_row){0};
    lease->now_ms = clock_now_ms();
    *ret = lease;
    return lease_grant(tx, lease);
}

/* `taker` NULL: a custom type's worker. */
static int lease_one(struct tx *tx, struct job_row *row, const struct job_taker *taker,
                     struct job_leases *leases, struct lease **ret)
{
    char nonce[ID_UUID_SIZE];
    int r = lease_add(tx, row, leases, ret);

    if (r)
        return r;
    id_uuid(nonce);
    job_lease(&(*ret)->row.job, nonce, taker ? taker->worker : NULL, (*ret)->now_ms);
    return job_update(tx, &(*ret)->row);
}

static int lease_all(struct tx *tx, struct job_rows *offers, const struct job_taker *taker,
                     struct job_leases **ret)
{
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    size_t builds = taker ? taker->builds : 0;
    int r = leases_new(offers->count, taker != NULL, &leases);

    for (size_t i = 0; r == 0 && i < offers->count; i++) {
        struct lease *lease = NULL;

        r = lease_one(tx, &offers->list[i], taker, leases, &lease);
        if (r == 0 && builds > 0)
            r = job_build_take(tx, taker, &lease->row, &lease->build);
        if (r == 0 && lease->build)
            builds--;
    }
    if (r == 0)
        *ret = take(leases);
    return r > 0 ? FAULT(EPROTO) : r;
}

int jobs_lease_account(struct tx *tx, const struct job_taker *taker, struct job_leases **ret)
{
    CLEANUP(job_rows_free) struct job_rows offers = {0};
    int r = job_offers(tx, taker->caller->account, taker->max, &offers);

    return r ? r : lease_all(tx, &offers, taker, ret);
}

/* The property that a poll for the type must name; NULL: none. */
static const char *queryable_of(const json_t *type)
{
    const json_t *property;
    size_t i;

    json_array_foreach (json_object_get(type, "actionConfigurationProperties"), i, property)
        if (json_bool(property, "queryable", false))
            return json_str(property, "name", NULL);
    return NULL;
}

static int offers_find(struct tx *tx, const char *account, const json_t *in, const json_t *type,
                       const char *type_text, struct job_rows *ret, struct reason *why)
{
    const json_t *query = json_object_get(in, "queryParam");
    const char *property = queryable_of(type);
    const char *value = property ? json_str(query, property, NULL) : NULL;
    size_t max = (size_t)json_int(in, "maxBatchSize", 1);

    if (property && !value)
        return reason_set(why, PIPELINE_E_INVALID, "queryParam must give the queryable property '%s'.",
                          property);
    if (json_object_size(query) != (property ? 1 : 0))
        return reason_set(why, PIPELINE_E_INVALID,
                          "queryParam names a property that is not the action type's queryable one.");
    return property ? job_offers_with(tx, account, type_text, property, value, max, ret)
                    : job_offers_custom(tx, account, type_text, max, ret);
}

int jobs_lease_custom(struct tx *tx, const char *account, const json_t *in, struct job_leases **ret,
                      struct reason *why)
{
    const json_t *id = json_object_get(in, "actionTypeId");
    const char *category = json_str(id, "category", ""), *provider = json_str(id, "provider", "");
    const char *version = json_str(id, "version", ""), *owner = json_str(id, "owner", "");
    CLEANUP(json_free) json_t *type = NULL;
    CLEANUP(job_rows_free) struct job_rows offers = {0};
    CLEANUP(free_ptr) char *text = NULL;
    int r = strcmp(owner, "Custom") == 0 ? action_type_find(tx, account, id, &type) : DB_NONE;

    if (r == DB_NONE)
        return reason_set(
            why, PIPELINE_E_ACTION_TYPE_NOT_FOUND,
            "Action type (Category: '%s', Provider: '%s', Owner: '%s', Version: '%s') is not one that "
            "job workers of account %s can poll for.",
            category, provider, owner, version, account);
    if (r == 0)
        r = job_type(category, provider, version, &text);
    if (r == 0)
        r = offers_find(tx, account, in, type, text, &offers, why);
    return r ? r : lease_all(tx, &offers, NULL, ret);
}

int jobs_look(struct tx *tx, const char *account, const char *id, struct job_leases **ret, struct reason *why)
{
    CLEANUP(job_leases_free) struct job_leases *leases = NULL;
    CLEANUP(job_row_free) struct job_row row = {0};
    struct lease *lease;
    int r = job_find(tx, id, &row);

    if (r == DB_NONE || (r == 0 && strcmp(row.account, account) != 0))
        return job_unknown(id, why);
    if (r == 0)
        r = leases_new(1, false, &leases);
    if (r == 0)
        r = lease_add(tx, &row, leases, &lease);
    if (r == 0)
        *ret = take(leases);
    return r;
}

/* ---- after it */

#define LEASE_USUAL 2048 /* bytes of a job's JSON */

static int credentials_write(struct buf *out, const struct lease *lease)
{
    char name[JOB_SESSION_SIZE];
    struct session_spec spec = session_of(lease, name);
    struct session session;
    int r = session_make(&lease->grant, &spec, &session);

    if (r)
        return r;
    json_begin(out, "artifactCredentials", '{');
    json_add_str(out, "accessKeyId", session.access_key_id);
    json_add_str(out, "secretAccessKey", session.secret_access_key);
    json_add_str(out, "sessionToken", session.session_token);
    json_end(out, '}');
    return 0;
}

static int extension_write(struct buf *out, const struct lease *lease)
{
    const struct job_row *row = &lease->row;
    int64_t left_ms = row->deadline_ms > lease->now_ms ? row->deadline_ms - lease->now_ms : 0;
    int r = lease->build ? shape_to_json(&codebuild_work, lease->build) : 0;

    if (r)
        return r;
    json_add_int(out, "leaseMs", LEASE_MS);
    json_add_int(out, "attempt", row->job.attempt);
    json_add_int(out, "timeoutMs", left_ms);
    if (row->role_arn)
        json_add_str(out, "roleArn", row->role_arn);
    if (lease->build)
        json_add(out, "build", lease->build);
    return 0;
}

/* Its data is JSON as it is stored. */
static int lease_write(struct buf *out, const char *key, const struct lease *lease, bool extended)
{
    const struct job_row *row = &lease->row;
    int r = 0;

    (void)buf_reserve(out, LEASE_USUAL);
    json_begin(out, key, '{');
    json_add_str(out, "id", row->job.id);
    json_add_str(out, "nonce", row->job.nonce);
    json_add_str(out, "accountId", row->account);
    json_begin_with(out, "data", str_of(row->packed));
    if (lease->granted)
        r = credentials_write(out, lease);
    json_end(out, '}');
    if (r == 0 && extended)
        r = extension_write(out, lease);
    json_end(out, '}');
    return r ? r : buf_error(out);
}

int job_leases_describe(const struct job_leases *leases, const char *key, struct buf *out)
{
    int r = 0;

    json_begin(out, key, '[');
    for (size_t i = 0; r == 0 && i < leases->count; i++)
        r = lease_write(out, NULL, &leases->list[i], leases->extended);
    json_end(out, ']');
    return r ? r : buf_error(out);
}

int job_lease_describe(const struct job_leases *leases, const char *key, struct buf *out)
{
    assert(leases->count == 1);
    return lease_write(out, key, &leases->list[0], leases->extended);
}
