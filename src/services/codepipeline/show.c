/* Executions and artifacts as the API shows them. */
#include "services/codepipeline/show.h"
#include "services/codepipeline/engine/machine.h"
#include "services/codepipeline/engine/source.h"
#include "wire/json.h"

int json_column(struct rows *rows, int column, json_t **ret)
{
    return json_unpack_text(rows_str(rows, column), ret);
}

const char *show_type(const json_t *data)
{
    return json_object_get(data, "rollback") ? "ROLLBACK" : "STANDARD";
}

/* Whatever ends other than by success says why: a stop without a reason at least by whom. */
static int summary_put(json_t *out, const char *status, const json_t *data)
{
    const char *summary = json_str(data, "summary", NULL);
    const json_t *stop = json_object_get(data, "stop");

    if (summary && summary[0])
        return json_put_str(out, "statusSummary", summary);
    return stop && machine_state(&machine_execution, status) == EXECUTION_STOPPED
               ? json_put_format(out, "statusSummary", "Stopped by %s.", json_str(stop, "by", "somebody"))
               : 0;
}

int show_execution(json_t *out, const char *id, const char *status, const json_t *data)
{
    const json_t *trigger = json_object_get(data, "trigger"), *stop = json_object_get(data, "stop");
    const json_t *rollback = json_object_get(data, "rollback");
    int r = json_put_str(out, "pipelineExecutionId", id);

    if (r == 0)
        r = json_put_str(out, "status", status);
    if (r == 0)
        r = json_put_str(out, "executionMode", json_str(data, "mode", "SUPERSEDED"));
    if (r == 0)
        r = json_put_str(out, "executionType", show_type(data));
    if (r == 0 && rollback)
        r = json_put(
            out, "rollbackMetadata",
            json_pack("{s:s}", "rollbackTargetPipelineExecutionId", json_str(rollback, "target", "")));
    if (r == 0)
        r = summary_put(out, status, data);
    if (r == 0)
        r = json_put(out, "trigger",
                     json_pack("{s:s, s:s}", "triggerType",
                               json_str(trigger, "type", "StartPipelineExecution"), "triggerDetail",
                               json_str(trigger, "detail", "")));
    if (r == 0 && stop)
        r = json_put(out, "stopTrigger", json_pack("{s:s}", "reason", json_str(stop, "reason", "")));
    return r;
}

static int revisions_found(const json_t *revisions, json_t *list)
{
    const json_t *revision;
    size_t i;

    json_array_foreach (revisions, i, revision)
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s*}", "actionName",
                                                  json_str(revision, "actionName", ""), "revisionId",
                                                  json_str(revision, "revisionId", ""), "revisionSummary",
                                                  json_str(revision, "revisionSummary", NULL))))
            return FAULT(ENOMEM);
    return 0;
}

static int revisions_asked(const json_t *overrides, json_t *list)
{
    const json_t *override;
    size_t i;

    json_array_foreach (overrides, i, override)
        if (source_pins(override) &&
            json_array_append_new(list,
                                  json_pack("{s:s, s:s}", "actionName", json_str(override, "actionName", ""),
                                            "revisionId", json_str(override, "revisionValue", ""))))
            return FAULT(ENOMEM);
    return 0;
}

int show_source_revisions(const json_t *data, json_t **ret)
{
    const json_t *found = json_object_get(data, "revisions");
    CLEANUP(json_free) json_t *list = json_array();
    int r = json_array_size(found) > 0 ? revisions_found(found, list)
                                       : revisions_asked(json_object_get(data, "sourceRevisions"), list);

    if (r || !list)
        return FAULT(ENOMEM);
    *ret = take(list);
    return 0;
}

int show_artifacts(const json_t *artifacts, json_t **ret)
{
    CLEANUP(json_free) json_t *list = json_array();
    const json_t *artifact;
    size_t i;

    json_array_foreach (artifacts, i, artifact)
        if (json_array_append_new(
                list, json_pack("{s:s, s:{s:s, s:s}, s:s*}", "name", json_str(artifact, "name", ""),
                                "s3location", "bucket", json_str(artifact, "bucket", ""), "key",
                                json_str(artifact, "key", ""), "sha256", json_str(artifact, "sha256", NULL))))
            return FAULT(ENOMEM);
    *ret = take(list);
    return *ret ? 0 : FAULT(ENOMEM);
}

int show_variables(json_t *out, const json_t *data)
{
    json_t *values = json_path(data, "variables.variables"), *value, *list = json_array();
    const char *name;
    int r = json_put(out, "variables", list);

    json_object_foreach (values, name, value)
        if (r == 0 &&
            json_array_append_new(list, json_pack("{s:s, s:O}", "name", name, "resolvedValue", value)))
            r = FAULT(ENOMEM);
    return r;
}

int show_revisions(json_t *out, const json_t *data)
{
    json_t *revisions = json_object_get(data, "revisions");

    return json_put(out, "artifactRevisions", revisions ? json_incref(revisions) : json_array());
}
