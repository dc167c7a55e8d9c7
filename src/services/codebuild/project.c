/* Projects: checked as a whole whenever they change, stored as one document. */
#include "base/clock.h"
#include "services/codebuild/codebuild.h"
#include "services/codebuild/shapes.h"
#include "services/codebuild/store.h"

static const char *const members[] = {
    "name",
    "description",
    "source",
    "sourceVersion",
    "artifacts",
    "cache",
    "environment",
    "serviceRole",
    "encryptionKey",
    "timeoutInMinutes",
    "queuedTimeoutInMinutes",
    "tags",
    "logsConfig",
    "vpcConfig",
    "badgeEnabled",
    "concurrentBuildLimit",
};

/* Known to AWS; a project that asks for them would silently be another one here. */
static const char *const refused[] = {
    "secondarySources", "secondaryArtifacts", "secondarySourceVersions", "fileSystemLocations",
    "buildBatchConfig", "autoRetryLimit",     "environment.fleet",       NULL};

static int copy_members(json_t *to, const json_t *from)
{
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        json_t *value = json_object_get(from, members[i]);
        if (value && !json_is_null(value) && json_object_set(to, members[i], value))
            return FAULT(ENOMEM);
    }
    return 0;
}

static int add_defaults(json_t *project, const struct platform *platform, const char *account)
{
    int r = 0;
    if (!json_object_get(project, "timeoutInMinutes"))
        r = json_put_int(project, "timeoutInMinutes", 60);
    if (r == 0 && !json_object_get(project, "queuedTimeoutInMinutes"))
        r = json_put_int(project, "queuedTimeoutInMinutes", 480);
    if (r == 0 && !json_object_get(project, "encryptionKey"))
        r = json_put_format(project, "encryptionKey", "arn:aws:kms:%s:%s:alias/aws/s3", platform->region,
                            account);
    if (r == 0 && !json_object_get(project, "cache"))
        r = json_put(project, "cache", json_pack("{s:s}", "type", "NO_CACHE"));
    if (r == 0 && !json_object_get(project, "tags"))
        r = json_put(project, "tags", json_array());
    return r;
}

static bool says_something(const json_t *value)
{
    return json_array_size(value) > 0 || json_object_size(value) > 0 || json_is_true(value) ||
           json_integer_value(value) != 0;
}

int codebuild_check_known(const json_t *input, const char *const *paths, struct reason *why)
{
    for (; *paths; paths++)
        if (says_something(json_path(input, *paths)))
            return reason_set(why, CODEBUILD_E_INVALID, "%s is not supported by Slipway: leave it out.",
                              *paths);
    return 0;
}

int codebuild_check_parts(const json_t *project, const char *account, struct reason *why)
{
    const json_t *source = json_object_get(project, "source"),
                 *artifacts = json_object_get(project, "artifacts");
    struct str type = str_of(json_str(source, "type", ""));
    struct str location = str_of(json_str(source, "location", ""));
    bool pipeline = str_eqc(type, "CODEPIPELINE");
    bool artifact_pipeline = str_eqc(str_of(json_str(artifacts, "type", "")), "CODEPIPELINE");
    const char *role = json_str(project, "serviceRole", "");
    const char *slash = memchr(location.ptr, '/', location.len);
    if (pipeline != artifact_pipeline)
        return reason_set(
            why, CODEBUILD_E_INVALID,
            "Invalid artifacts: source and artifacts must both be of type CODEPIPELINE, or neither.");
    if (str_eqc(type, "S3") && (!slash || slash == location.ptr || slash[1] == '\0'))
        return reason_set(why, CODEBUILD_E_INVALID,
                          "Invalid project source: location must be a valid S3 source: BUCKET/KEY, not '%s'.",
                          location.ptr);
    if (str_eqc(type, "NO_SOURCE") && json_str(source, "buildspec", "")[0] == '\0')
        return reason_set(why, CODEBUILD_E_INVALID,
                          "Invalid project source: source type NO_SOURCE needs a buildspec.");
    if (str_eqc(str_of(json_str(artifacts, "type", "")), "S3") &&
        json_str(artifacts, "location", "")[0] == '\0')
        return reason_set(why, CODEBUILD_E_INVALID,
                          "Invalid artifacts: artifacts of type S3 need a location.");
    if (!str_starts(str_of(role), STR("arn:aws:iam::")) || !strstr(role, ":role/"))
        return reason_set(why, CODEBUILD_E_INVALID,
                          "Invalid service role: '%s' is not the ARN of a role (arn:aws:iam::%s:role/NAME).",
                          role, account);
    struct str owner = str_of(role + sizeof("arn:aws:iam::") - 1);
    if (!str_eqc(str_split(&owner, ':'), account))
        return reason_set(why, CODEBUILD_E_INVALID,
                          "Invalid service role: Service role account ID does not match caller's account");
    return 0;
}

static int check(const json_t *input, const json_t *project, const char *account, struct reason *why)
{
    struct reason words = {0};
    int r = codebuild_check_known(input, refused, why);
    if (r == 0)
        r = shape_validate(&codebuild_project_in, project, &words);
    if (r == CODEBUILD_E_INVALID)
        return r;
    if (r > 0)
        return reason_set(why, CODEBUILD_E_INVALID, "%s", words.text);
    return r < 0 ? r : codebuild_check_parts(project, account, why);
}

static int put_existing(struct tx *tx, const struct platform *platform, const char *account,
                        const json_t *input, enum project_put_mode mode, struct project_row *row,
                        struct reason *why)
{
    CLEANUP(json_free) json_t *next = mode == PROJECT_UPDATE ? json_incref(row->body) : json_object();
    if (!next)
        return FAULT(ENOMEM);
    int r = copy_members(next, input);
    if (r == 0)
        r = add_defaults(next, platform, account);
    if (r == 0)
        r = check(input, next, account, why);
    if (r == 0)
        r = project_store_update(tx, account, json_str(next, "name", ""), clock_now_ms(), next);
    return r;
}

int project_put(struct tx *tx, const struct platform *platform, const char *account, const json_t *project,
                enum project_put_mode mode, struct reason *why)
{
    CLEANUP(project_row_deinit) struct project_row row = {0};
    const char *name = json_str(project, "name", "");
    int r = project_store_get(tx, account, name, &row);
    if (r < 0)
        return r;
    if (r == 0 && mode == PROJECT_CREATE)
        return reason_set(why, CODEBUILD_E_EXISTS,
                          "Project already exists: arn:aws:codebuild:%s:%s:project/%s", platform->region,
                          account, name);
    if (r == 0)
        return put_existing(tx, platform, account, project, mode, &row, why);
    if (mode != PROJECT_CREATE)
        return reason_set(why, CODEBUILD_E_NOT_FOUND,
                          "Project cannot be found: arn:aws:codebuild:%s:%s:project/%s", platform->region,
                          account, name);
    CLEANUP(json_free) json_t *fresh = json_object();
    if (!fresh)
        return FAULT(ENOMEM);
    r = copy_members(fresh, project);
    if (r == 0)
        r = add_defaults(fresh, platform, account);
    if (r == 0)
        r = check(project, fresh, account, why);
    return r == 0 ? project_store_insert(tx, account, name, clock_now_ms(), fresh) : r;
}

int project_get(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                json_t **ret)
{
    CLEANUP(project_row_deinit) struct project_row row = {0};
    int r = project_store_get(tx, account, name, &row);
    if (r != 0)
        return r < 0 ? r : CODEBUILD_E_NOT_FOUND;
    r = json_put_format(row.body, "arn", "arn:aws:codebuild:%s:%s:project/%s", platform->region, account,
                        name);
    if (r == 0)
        r = json_put_int(row.body, "created", row.created_ms);
    if (r == 0)
        r = json_put_int(row.body, "lastModified", row.modified_ms);
    if (r == 0)
        r = json_put(row.body, "badge",
                     json_pack("{s:b}", "badgeEnabled", json_bool(row.body, "badgeEnabled", false)));
    if (r == 0)
        r = json_put_str(row.body, "projectVisibility", "PRIVATE");
    if (r == 0)
        *ret = take(row.body);
    return r;
}

int project_delete(struct tx *tx, const char *account, const char *name)
{
    return project_store_delete(tx, account, name);
}
