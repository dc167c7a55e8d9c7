/* See git_host.h. */
#include "workers/anchor/actions/git_host.h"
#include "wire/json.h"
#include <stdio.h>

#define PARAMETER "/slipway/connections/"

/* *ret: the parameter's JSON. */
static int connection_read(struct job *job, const char *arn, json_t **ret)
{
    const char *slash = strrchr(arn, '/');
    CLEANUP(free_ptr) char *name = NULL;
    CLEANUP(json_free) json_t *out = NULL;
    struct aws_error error = {0};
    int r;

    if (!slash || asprintf(&name, PARAMETER "%s", slash + 1) < 0)
        return job_fail(job, "ConfigurationError", "the ConnectionArn '%s' names no connection", arn);
    r = work_call(job->client, "ssm", "GetParameter",
                  json_pack("{s:s, s:b}", "Name", name, "WithDecryption", 1), &out, &error, &job->why);
    if (r == WORK_E_FAILED && strcmp(error.code, "ParameterNotFound") == 0)
        return job_fail(job, "ConfigurationError",
                        "account %s has no parameter %s, which says where this connection leads: "
                        "{\"url\": \"https://HOST\", \"username\": …, \"password\": …}",
                        job->anchor->account, name);
    if (r)
        return r;
    r = json_parse(str_of(json_string_value(json_path(out, "Parameter.Value"))), ret, NULL);
    if (r > 0 || (r == 0 && !json_str(*ret, "url", NULL)))
        return job_fail(job, "ConfigurationError", "the parameter %s is not JSON with an url", name);
    return r;
}

static int settings_check(struct job *job, const char *connection, const char *repository)
{
    if (!connection || !repository)
        return job_fail(job, "ConfigurationError",
                        "the action's configuration needs ConnectionArn, FullRepositoryId and BranchName");
    if (strstr(repository, "..") || repository[0] == '/')
        return job_fail(job, "ConfigurationError", "the FullRepositoryId '%s' is not OWNER/NAME", repository);
    return 0;
}

int git_host_find(struct job *job, struct git_host *ret)
{
    const char *connection = job_setting(job, "ConnectionArn");
    const char *repository = job_setting(job, "FullRepositoryId"), *base;
    int r = settings_check(job, connection, repository);
    size_t len;

    if (r == 0)
        r = connection_read(job, connection, &ret->connection);
    if (r)
        return r;
    base = json_str(ret->connection, "url", "");
    len = strlen(base);
    if (len > 0 && base[len - 1] == '/')
        len--;
    if (asprintf(&ret->url, "%.*s/%s.git", (int)len, base, repository) < 0) {
        ret->url = NULL;
        return FAULT(ENOMEM);
    }
    ret->remote = (struct git_remote){.url = ret->url,
                                      .username = json_str(ret->connection, "username", NULL),
                                      .password = json_str(ret->connection, "password", NULL)};
    return 0;
}

void git_host_deinit(struct git_host *host)
{
    free(take(host->url));
    json_free(&host->connection);
}
