/* Runs git with an environment of its own: no configuration of this machine or its user, no questions. */
#include "workers/anchor/actions/git.h"
#include "base/hash.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "wire/json.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 200 /* how soon a job that was cancelled stops git */
#define WORDS_MAX 1024
#define COMMIT_MAX ((size_t)64 * 1024)
#define MEMBERS 5

/* ---- environment */

static const struct {
    const char *name, *value;
} settings[] = {
    {"LC_ALL", "C.UTF-8"},           {"GIT_CONFIG_NOSYSTEM", "1"},
    {"GIT_TERMINAL_PROMPT", "0"},    {"GIT_CONFIG_GLOBAL", "/dev/null"},
    {"GIT_PROTOCOL_FROM_USER", "0"}, {"GIT_ALLOW_PROTOCOL", "https:http:git"},
};

/* How this machine reaches others. */
static const char *const inherited[] = {"PATH",     "http_proxy",    "https_proxy",    "HTTPS_PROXY",
                                        "no_proxy", "SSL_CERT_FILE", "GIT_SSL_CAINFO", "NO_PROXY"};

static int environment_add(json_t *list, const char *name, const char *value)
{
    CLEANUP(free_ptr) char *entry = NULL;

    if (asprintf(&entry, "%s=%s", name, value) < 0)
        return FAULT(ENOMEM);
    return json_array_append_new(list, json_string(entry)) ? FAULT(ENOMEM) : 0;
}

/* As configuration in the environment: arguments are for all to read. They are that host's alone: git would
 * send them to wherever it sends on. */
static int credentials_add(json_t *list, const struct git_remote *remote)
{
    CLEANUP(free_ptr) char *pair = NULL;
    CLEANUP(free_ptr) char *header = NULL;
    char *end;
    int len = asprintf(&pair, "%s:%s", remote->username, remote->password ? remote->password : "");
    int r = 0;

    if (len < 0 || !(header = malloc(sizeof("Authorization: Basic ") + (size_t)len * 4 / 3 + 4)))
        return FAULT(ENOMEM);
    end = stpcpy(header, "Authorization: Basic ");
    base64_encode(pair, (size_t)len, end);
    const char *const entries[][2] = {{"GIT_CONFIG_COUNT", "2"},
                                      {"GIT_CONFIG_KEY_0", "http.extraHeader"},
                                      {"GIT_CONFIG_VALUE_0", header},
                                      {"GIT_CONFIG_KEY_1", "http.followRedirects"},
                                      {"GIT_CONFIG_VALUE_1", "false"}};
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(entries); i++)
        r = environment_add(list, entries[i][0], entries[i][1]);
    return r;
}

static int environment_make(struct git *git, const struct git_remote *remote)
{
    int r = (git->environment = json_array()) ? environment_add(git->environment, "HOME", git->folder)
                                              : FAULT(ENOMEM);
    size_t count;

    for (size_t i = 0; r == 0 && i < ARRAY_LEN(settings); i++)
        r = environment_add(git->environment, settings[i].name, settings[i].value);
    for (size_t i = 0; r == 0 && i < ARRAY_LEN(inherited); i++)
        if (getenv(inherited[i]))
            r = environment_add(git->environment, inherited[i], getenv(inherited[i]));
    if (r == 0 && remote->username)
        r = credentials_add(git->environment, remote);
    if (r)
        return r;
    count = json_array_size(git->environment);
    git->envp = calloc(count + 1, sizeof(*git->envp));
    for (size_t i = 0; git->envp && i < count; i++)
        git->envp[i] = json_string_value(json_array_get(git->environment, i));
    return git->envp ? 0 : FAULT(ENOMEM);
}

/* ---- running */

/* Other bytes than UTF-8 become question marks. */
static void mend(char *text)
{
    json_t *fits = json_string(text);

    for (; !fits && *text; text++)
        if ((unsigned char)*text >= 0x80)
            *text = '?';
    json_decref(fits);
}

static int read_back(int fd, char *ret, size_t size)
{
    off_t len = lseek(fd, 0, SEEK_END);
    size_t take_len = len < 0 ? 0 : (size_t)len < size ? (size_t)len : size - 1;
    int r = io_pread_all(fd, ret, take_len, 0);

    ret[r ? 0 : take_len] = '\0';
    mend(ret);
    return r;
}

static int failed(struct git *git, const char *what, int errors)
{
    char words[WORDS_MAX];
    int r = read_back(errors, words, sizeof(words));

    return r ? r
             : job_fail(git->job, "JobFailed", "git %s failed: " STR_FMT, what,
                        STR_ARG(str_trim(str_of(words))));
}

static int run(struct git *git, const char *const *argv, int out)
{
    CLEANUP(close_fd) int errors = -1;
    struct proc_spec spec = {.argv = argv, .envp = git->envp, .cwd = git->folder, .stdin_fd = -1};
    pid_t pid;
    int status = 0;
    int r = work_temporary(git->job->anchor, &errors);

    spec.stderr_fd = errors;
    spec.stdout_fd = out >= 0 ? out : errors;
    if (r == 0)
        r = proc_spawn(&spec, &pid);
    if (r == -ENOENT)
        return job_fail(git->job, "ConfigurationError", "this anchor's machine has no git");
    if (r)
        return r;
    while ((r = proc_wait(pid, LOOK_MS, &status)) == PROC_RUNNING)
        if (job_given_up(git->job))
            proc_kill_group(pid, SIGKILL);
    if (r == 0 && job_given_up(git->job))
        return WORK_E_STOPPED;
    return r || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? r : failed(git, argv[1], errors);
}

#define FETCH_WORDS 6

int git_fetch(struct job *job, const struct git_remote *remote, const struct git_wanted *wanted,
              struct git *ret)
{
    static const char *const options[][2] = {[GIT_FILES] = {"--depth=1", "--no-auto-gc"},
                                             [GIT_NAMES] = {"--depth=1", "--filter=blob:none"},
                                             [GIT_HISTORY] = {"--filter=tree:0", "--no-auto-gc"}};
    const char *const init[] = {"git", "init", "--quiet", "--bare", ".", NULL};
    const char *fetch[FETCH_WORDS + 2 + GIT_REFS_MAX + 1] = {
        "git", "fetch",    "--quiet", "--no-tags", options[wanted->depth][0], options[wanted->depth][1],
        "--",  remote->url};
    int r;

    memcpy(&fetch[FETCH_WORDS + 2], wanted->refs, sizeof(wanted->refs));

    ret->job = job;
    if (asprintf(&ret->folder, "%s/git-XXXXXX", job->anchor->folder->path) < 0) {
        ret->folder = NULL;
        return FAULT(ENOMEM);
    }
    if (!mkdtemp(ret->folder)) {
        free(take(ret->folder));
        return FAULT(errno);
    }
    r = environment_make(ret, remote);
    if (r == 0)
        r = run(ret, init, -1);
    return r ? r : run(ret, fetch, -1);
}

/* ---- what is there */

/* What git prints, without the white space at its end. */
static int ask(struct git *git, const char *const *argv, char *ret, size_t size)
{
    CLEANUP(close_fd) int out = -1;
    int r = work_temporary(git->job->anchor, &out);

    if (r == 0)
        r = run(git, argv, out);
    if (r == 0)
        r = read_back(out, ret, size);
    if (r == 0)
        ret[str_trim(str_of(ret)).len] = '\0';
    return r;
}

int git_resolve(struct git *git, const char *name, char ret[GIT_COMMIT_SIZE])
{
    CLEANUP(free_ptr) char *commit = NULL;
    const char *parse[] = {"git", "rev-parse", "--verify", "--quiet", "--end-of-options", NULL, NULL};
    int r;

    if (asprintf(&commit, "%s^{commit}", name) < 0) {
        commit = NULL;
        return FAULT(ENOMEM);
    }
    parse[5] = commit;
    r = ask(git, parse, ret, GIT_COMMIT_SIZE);
    return r == WORK_E_FAILED
               ? job_fail(
                     git->job, "JobFailed",
                     "no branch of the repository has the commit %s: the one that had it is deleted or was "
                     "rewritten, and a squash merge keeps none of a branch's commits",
                     name)
               : r;
}

int git_parent(struct git *git, const char *name, char ret[GIT_COMMIT_SIZE])
{
    CLEANUP(free_ptr) char *parent = NULL;

    if (asprintf(&parent, "%s^", name) < 0) {
        parent = NULL;
        return FAULT(ENOMEM);
    }
    return git_resolve(git, parent, ret);
}

int git_ancestor(struct git *git, const char *a, const char *b, char ret[GIT_COMMIT_SIZE])
{
    const char *const base[] = {"git", "merge-base", a, b, NULL};
    int r = ask(git, base, ret, GIT_COMMIT_SIZE);

    return r == WORK_E_FAILED ? job_fail(git->job, "JobFailed", "%s and %s have no commit in common", a, b)
                              : r;
}

int git_differ(struct git *git, const char *a, const char *b, struct buf *ret)
{
    const char *const diff[] = {"git", "diff", "--name-only", "--no-renames", "-z", a, b, "--", NULL};
    CLEANUP(close_fd) int out = -1;
    int r = work_temporary(git->job->anchor, &out);
    off_t len = 0;
    char *room;

    if (r == 0)
        r = run(git, diff, out);
    if (r == 0)
        len = lseek(out, 0, SEEK_END);
    if (r || len <= 0)
        return r || len == 0 ? r : FAULT(errno);
    room = buf_extend(ret, (size_t)len);
    if (!room)
        return job_fail(git->job, "JobFailed", "%s to %s changes more files than can be looked at", a, b);
    return io_pread_all(out, room, (size_t)len, 0);
}

/* A line each; the message, which comes last, without the empty ones at its end. */
static int describe(const char *rest, struct git_commit *ret)
{
    char **const members[MEMBERS] = {&ret->id, &ret->author_date, &ret->author_name, &ret->author_email,
                                     &ret->message};
    int r = 0;

    for (size_t i = 0; r == 0 && i < MEMBERS; i++) {
        size_t len = i + 1 < MEMBERS ? strcspn(rest, "\n") : strlen(rest);

        while (i + 1 == MEMBERS && len > 0 && rest[len - 1] == '\n')
            len--;
        *members[i] = str_dup((struct str){rest, len});
        rest += rest[len] ? len + 1 : len;
        r = *members[i] ? 0 : FAULT(ENOMEM);
    }
    return r;
}

int git_describe(struct git *git, struct git_commit *ret)
{
    const char *const log[] = {"git", "log", "-1", "--format=%H%n%aI%n%an%n%ae%n%B", "FETCH_HEAD", NULL};
    CLEANUP(buf_free) struct buf buf = BUF_INIT(COMMIT_MAX);
    char *text = buf_extend(&buf, COMMIT_MAX);
    int r = text ? ask(git, log, text, COMMIT_MAX) : FAULT(ENOMEM);

    return r ? r : describe(text, ret);
}

int git_archive(struct git *git, int fd)
{
    const char *const archive[] = {"git", "archive", "--format=zip", "FETCH_HEAD", NULL};

    return run(git, archive, fd);
}

void git_deinit(struct git *git)
{
    if (git->folder && io_remove_tree(git->folder))
        log_warn("anchor", "%s cannot be removed", git->folder);
    free(take(git->folder));
    free(git->envp);
    json_decref(git->environment);
}

void git_commit_deinit(struct git_commit *commit)
{
    free(commit->id);
    free(commit->author_date);
    free(commit->author_name);
    free(commit->author_email);
    free(commit->message);
}
