/* Deploy/S3: an artifact's files, or the artifact as it is, into a bucket. Putting the same again is no harm.
 * Source: CodePipeline User Guide, "Amazon S3 deploy action reference". */
#include "base/io.h"
#include "workers/anchor/actions/action.h"
#include "workers/zip.h"
#include <fcntl.h>
#include <fts.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *extension;
    const char *type;
} content_types[] = {
    {".html", "text/html"},       {".htm", "text/html"},
    {".css", "text/css"},         {".js", "text/javascript"},
    {".mjs", "text/javascript"},  {".json", "application/json"},
    {".xml", "application/xml"},  {".txt", "text/plain"},
    {".md", "text/markdown"},     {".csv", "text/csv"},
    {".svg", "image/svg+xml"},    {".png", "image/png"},
    {".jpg", "image/jpeg"},       {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},        {".webp", "image/webp"},
    {".ico", "image/x-icon"},     {".woff", "font/woff"},
    {".woff2", "font/woff2"},     {".ttf", "font/ttf"},
    {".pdf", "application/pdf"},  {".wasm", "application/wasm"},
    {".map", "application/json"}, {".yaml", "application/yaml"},
    {".yml", "application/yaml"}, {".zip", "application/zip"},
    {".gz", "application/gzip"},  {".webmanifest", "application/manifest+json"},
};

static const char *content_type(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(content_types); i++)
        if (str_ends(str_of(name), str_of(content_types[i].extension)))
            return content_types[i].type;
    return "application/octet-stream";
}

static int put(struct job *job, const char *key, int fd)
{
    struct http_header headers[3] = {{STR("content-type"), str_of(content_type(key))}};
    const char *cache_control = job_setting(job, "CacheControl"), *acl = job_setting(job, "CannedACL");
    size_t count = 1;
    struct stat st;

    if (cache_control)
        headers[count++] = (struct http_header){STR("cache-control"), str_of(cache_control)};
    if (acl)
        headers[count++] = (struct http_header){STR("x-amz-acl"), str_of(acl)};
    if (fstat(fd, &st))
        return FAULT(errno);
    return work_s3_put_file(job->client, job_setting(job, "BucketName"), key, fd, st.st_size, headers, count,
                            &job->why);
}

/* ObjectKey is the folder in the bucket that the files go to. */
static int put_file(struct job *job, const char *path, const char *below)
{
    const char *prefix = job_setting(job, "ObjectKey");
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(free_ptr) char *key = NULL;
    struct str folder = str_of(prefix);

    if (fd < 0)
        return FAULT(errno);
    while (folder.len > 0 && folder.ptr[folder.len - 1] == '/')
        folder.len--;
    if (asprintf(&key, STR_FMT "%s%s", STR_ARG(folder), folder.len ? "/" : "", below) < 0)
        return FAULT(ENOMEM);
    return put(job, key, fd);
}

static void walk_close(FTS **walk)
{
    if (*walk)
        fts_close(*walk);
}

/* Pages after what they refer to: whoever reads meanwhile finds whole pages. */
static int put_folder(struct job *job, char *folder, bool pages, int *count)
{
    char *const roots[] = {folder, NULL};
    CLEANUP(walk_close) FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    FTSENT *file;

    if (!walk)
        return FAULT(errno);
    while ((file = fts_read(walk))) {
        int r;

        if (file->fts_info == FTS_SL)
            return job_fail(job, "JobFailed", "'%s' is a link: S3 has no links, put files into the artifact",
                            file->fts_path + strlen(folder) + 1);
        if (file->fts_info != FTS_F || (strcmp(content_type(file->fts_name), "text/html") == 0) != pages)
            continue;
        if (job_given_up(job))
            return WORK_E_STOPPED;
        r = put_file(job, file->fts_path, file->fts_path + strlen(folder) + 1);
        if (r)
            return r;
        ++*count;
    }
    return 0;
}

static int put_extracted(struct job *job, int fd)
{
    CLEANUP(free_ptr) char *folder = NULL;
    struct reason why = {0};
    int count = 0, r, removed;

    if (asprintf(&folder, "%s/deploy-XXXXXX", job->anchor->folder->path) < 0)
        return FAULT(ENOMEM);
    if (!mkdtemp(folder))
        return FAULT(errno);
    r = zip_extract(fd, folder, &zip_limits_default, &why);
    if (r > 0)
        r = job_fail(job, "JobFailed", "the artifact was refused: %s", why.text);
    if (r == 0)
        r = put_folder(job, folder, false, &count);
    if (r == 0)
        r = put_folder(job, folder, true, &count);
    removed = io_remove_tree(folder);
    buf_printf(&job->summary, "%d files in s3://%s", count, job_setting(job, "BucketName"));
    return r ? r : removed;
}

int action_deploy_s3(struct job *job)
{
    const char *extract = job_setting(job, "Extract");
    const json_t *artifact = job_input(job, NULL);
    CLEANUP(close_fd) int fd = -1;
    int r;

    if (!job_setting(job, "BucketName") || !extract)
        return job_fail(job, "ConfigurationError", "the action's configuration needs BucketName and Extract");
    if (!artifact)
        return job_fail(job, "ConfigurationError", "the action needs an input artifact");
    if (job_setting(job, "KMSEncryptionKeyARN"))
        return job_fail(job, "ConfigurationError", "KMSEncryptionKeyARN is not supported by Slipway");
    r = job_input_open(job, artifact, &fd);
    if (r)
        return r;
    if (strcmp(extract, "true") == 0)
        return put_extracted(job, fd);
    if (!job_setting(job, "ObjectKey"))
        return job_fail(job, "ConfigurationError", "with Extract false the action needs ObjectKey");
    buf_printf(&job->summary, "s3://%s/%s", job_setting(job, "BucketName"), job_setting(job, "ObjectKey"));
    return put(job, job_setting(job, "ObjectKey"), fd);
}
