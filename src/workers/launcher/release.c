/* One visit to one application branch: look, match, act, record. */
#include "workers/launcher/release.h"
#include "base/log.h"
#include "wire/json.h"
#include "workers/launcher/journal.h"
#include "workers/launcher/setup.h"

static int record_begin(struct release *release)
{
    release->record = json_pack("{s:s, s:s}", "bucket", release->bucket, "key", release->key);
    return release->record ? 0 : FAULT(ENOMEM);
}

static int record_names(struct release *release)
{
    json_t *more = json_pack("{s:s, s:s, s:s, s:s, s:s}", "account", release->names.account, "app",
                             release->names.app, "branch", release->names.branch, "stack",
                             release->names.stack, "versionId", release->head.version_id);
    int r = more ? json_object_update(release->record, more) : -1;

    json_decref(more);
    return r ? FAULT(ENOMEM) : 0;
}

static int record_write(struct release *release, const char *level, const char *event, const char *message)
{
    const struct release_key *names = &release->names;
    json_t *line = NULL;
    int r;

    if (json_put_str(release->record, "level", level) || json_put_str(release->record, "event", event) ||
        json_put_str(release->record, "message", message) ||
        (release->todo && json_put_str(release->record, "todo", release->todo)))
        return FAULT(ENOMEM);
    if (strcmp(level, "error") == 0)
        log_warn("launcher", "%s %s: %s: %s", names->app[0] ? names->app : release->key, names->branch, event,
                 message);
    else
        log_info("launcher", "%s %s: %s: %s", names->app, names->branch, event, message);
    r = journal_event(json_copy(release->record), &line);
    return r || json_array_append_new(release->events, line) == 0 ? r : FAULT(ENOMEM);
}

static int push(struct release *release)
{
    CLEANUP(json_free) json_t *stack = NULL;
    int r = release_stack_ensure(release, &stack);

    if (r == 0)
        r = release_start(release, stack);
    if (r)
        return r;
    return record_write(release, "info", "started", "the artifact's execution is started");
}

static int remove_all(struct release *release)
{
    int r;

    ahead_drop(&release->ahead); /* it looks for itself, and may take long */
    if (release->rule->is_protected) {
        release->todo =
            "push an artifact to keep the branch running; to remove it, take `protected` off its rule";
        return record_write(release, "warning", "refused",
                            "a zero-byte artifact was put, but the catalog protects this branch");
    }
    r = release_teardown(release);
    if (r == WORK_E_FAILED && !release->event)
        return release_fail(release, r, "teardown-failed",
                            "remove what the message names, then put the zero-byte "
                            "artifact again");
    if (r == WORK_E_UNCHANGED)
        return record_write(release, "info", "ignored", "a newer artifact came: nothing was removed");
    return r ? r : record_write(release, "info", "torn-down", "nothing is left of this branch");
}

static int matched(struct release *release)
{
    const struct release_key *names = &release->names;
    CLEANUP(source_unref) struct source *catalog = NULL;
    int r = ahead_catalog(release, &catalog);

    if (r == WORK_E_ABSENT || r == WORK_E_FAILED)
        return release_fail(
            release, WORK_E_FAILED, "no-catalog",
            "the central team applies a catalog (slipway catalog apply FILE); then push again");
    if (r)
        return r;
    release->rule = catalog_match(source_catalog(catalog), str_of(names->account), str_of(names->app),
                                  str_of(names->branch));
    if (!release->rule) {
        reason_set(&release->why, 0, "no rule of the catalog is for account %s, application %s, branch %s",
                   names->account, names->app, names->branch);
        return release_fail(release, WORK_E_FAILED, "no-rule",
                            "the central team adds a rule to the catalog; then push again");
    }
    if (json_put_str(release->record, "rule", release->rule->name))
        return FAULT(ENOMEM);
    return release->head.size > 0 ? push(release) : remove_all(release);
}

/* Whoever may let a bucket of his own tell this queue could release and remove what is another account's: who
 * delivers where is for the artifact bucket's policy to say. */
static int check_bucket(struct release *release)
{
    if (strcmp(release->bucket, ARTIFACT_BUCKET) == 0)
        return 0;
    reason_set(&release->why, 0, "bucket %.63s is not where artifacts are put", release->bucket);
    return release_fail(release, WORK_E_FAILED, "bad-bucket",
                        "put artifacts into the bucket " ARTIFACT_BUCKET
                        "; its account takes the notification off the other bucket");
}

static int look(struct release *release)
{
    int r = check_bucket(release);

    if (r)
        return r;
    r = release_key_parse(str_of(release->key), &release->names, &release->why);

    if (r)
        return release_fail(release, r < 0 ? r : WORK_E_FAILED, "bad-key",
                            "put artifacts at ACCOUNT_ID/APP/BRANCH/latest.zip");
    r = ahead_ask(release);
    if (r == 0)
        aws_hear(release->ahead.stack); /* the longest of them */
    if (r == 0)
        r = work_read_answer(release->ahead.object, NULL, &release->head, &release->why);
    if (r == WORK_E_ABSENT) {
        r = record_names(release);
        return r ? r : record_write(release, "warning", "ignored", "the artifact is no longer there");
    }
    if (r == 0)
        r = record_names(release);
    return r ? r : matched(release);
}

static int failed(struct release *release)
{
    struct reason words = release->why;
    int r;

    if (!release->event)
        release_fail(release, 0, "failed", "see the message, then push again");
    r = record_write(release, "error", release->event, words.text);
    return r ? r : WORK_E_FAILED;
}

int release_handle(const struct releaser *releaser, const char *bucket, const char *key, json_t *events)
{
    struct release release = {.releaser = releaser, .bucket = bucket, .key = key, .events = events};
    struct reason words;
    int r = record_begin(&release);

    if (r == 0)
        r = look(&release);
    ahead_drop(&release.ahead);
    if (r == WORK_E_ABSENT) /* a stack or pipeline went while we looked at it: look again */
        r = WORK_E_RETRY;
    if (r == WORK_E_FAILED)
        r = failed(&release);
    if (r == WORK_E_RETRY || r < 0) {
        words = release.why;
        release.todo = "nothing: it is tried again";
        r = release.record && record_write(&release, "warning", "retry", words.text) < 0 ? r : WORK_E_RETRY;
    }
    json_decref(release.record);
    return r;
}
