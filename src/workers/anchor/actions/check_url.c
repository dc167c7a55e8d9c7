/* Rule/LambdaInvoke and Rule/CloudWatchAlarm: where there are no functions or alarms, an HTTP endpoint
 * answers in their place. It is sent, by POST, what the function would be told, and answers 200 with
 *   {"status": "Succeeded" | "Failed" | "InProgress", "summary": "…"}   or   {"state": "OK" | "ALARM" | …}
 * InProgress is asked again. An alarm's state is watched for WaitTime minutes. An empty answer is a success;
 * what is no such answer, and 4xx, is a failure: a gate stays closed that nobody opens. 408, 429, 5xx and
 * silence are asked again while the rule's time lasts, and told at its end. */
#include "base/clock.h"
#include "base/log.h"
#include "http/client.h"
#include "wire/json.h"
#include "workers/anchor/actions/action.h"
#include "workers/worker.h"
#include <stdio.h>

#define ANSWER_MAX_BYTES 65536
#define ANSWER_SHOWN 500
#define TIMEOUT_MS 10000
#define AGAIN_MS 1000
#define ANSWER_MS 1000 /* the least time that an answer is given */
#define REPORT_MS 2000 /* before the rule's time is over: who waits for it knows no reason */
#define MINUTE_MS ((int64_t)60 * 1000)

static json_t *question_make(const struct job *job)
{
    const json_t *context = json_object_get(job->data, "pipelineContext");
    const char *stage = json_string_value(json_path(context, "stage.name"));
    const char *rule = json_string_value(json_path(context, "action.name"));

    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*, s:s*, s:O*}", "pipelineName",
                     json_str(context, "pipelineName", ""), "pipelineExecutionId",
                     json_str(context, "pipelineExecutionId", ""), "stageName", stage ? stage : "",
                     "ruleName", rule ? rule : "", "ruleExecutionId", job_action_execution(job),
                     "functionName", job_setting(job, "FunctionName"), "userParameters",
                     job_setting(job, "UserParameters"), "alarmName", job_setting(job, "AlarmName"), "region",
                     "us-east-1", "inputArtifacts", json_object_get(job->data, "inputArtifacts"));
}

/* The configured list of states that fail the rule; "ALARM" without one. */
static bool state_fails(const struct job *job, const char *state)
{
    struct str rest = str_of(job_setting(job, "AlarmStates"));

    if (!rest.ptr)
        return strcmp(state, "ALARM") == 0;
    while (rest.ptr)
        if (str_eqc(str_trim(str_split(&rest, ',')), state))
            return true;
    return false;
}

enum verdict { VERDICT_AGAIN, VERDICT_GOOD, VERDICT_BAD };

static int state_read(struct job *job, const char *state, int64_t watch_until_ms, enum verdict *ret)
{
    static const char *const states[] = {"OK", "ALARM", "INSUFFICIENT_DATA"};

    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        if (strcmp(state, states[i]) == 0) {
            *ret = state_fails(job, state)             ? VERDICT_BAD
                   : clock_mono_ms() >= watch_until_ms ? VERDICT_GOOD
                                                       : VERDICT_AGAIN;
            return 0;
        }
    return job_fail(job, "JobFailed",
                    "%s answers with the state '%.100s', which is not OK, ALARM or INSUFFICIENT_DATA",
                    job_setting(job, "CheckUrl"), state);
}

static int status_read(struct job *job, const char *status, enum verdict *ret)
{
    static const struct {
        const char *status;
        enum verdict verdict;
    } statuses[] = {
        {"Succeeded", VERDICT_GOOD},
        {"Failed", VERDICT_BAD},
        {"InProgress", VERDICT_AGAIN},
    };

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (strcmp(status, statuses[i].status) == 0) {
            *ret = statuses[i].verdict;
            return 0;
        }
    return job_fail(job, "JobFailed",
                    "%s answers with the status '%.100s', which is not Succeeded, Failed or InProgress",
                    job_setting(job, "CheckUrl"), status);
}

static int verdict_read(struct job *job, struct str body, int64_t watch_until_ms, enum verdict *ret)
{
    CLEANUP(json_free) json_t *answer = NULL;
    struct reason why = {0};
    const char *state, *status;
    int r = json_parse(body, &answer, &why);

    if (r < 0)
        return r;
    state = json_str(answer, "state", NULL);
    status = json_str(answer, "status", NULL);
    if (r)
        r = job_fail(job, "JobFailed", "%s does not answer with JSON: %s", job_setting(job, "CheckUrl"),
                     why.text);
    else if (state)
        r = state_read(job, state, watch_until_ms, ret);
    else if (status)
        r = status_read(job, status, ret);
    else
        r = job_fail(job, "JobFailed", "%s answers with neither a status nor a state: %.*s",
                     job_setting(job, "CheckUrl"), (int)(body.len > ANSWER_SHOWN ? ANSWER_SHOWN : body.len),
                     body.ptr);
    buf_reset(&job->summary);
    return r ? r : buf_printf(&job->summary, "%.1000s", json_str(answer, "summary", state ? state : ""));
}

/* Whether it may well be answered otherwise the next time. */
static bool passes(unsigned status)
{
    return status >= 500 || status == 408 || status == 429;
}

/* WORK_E_RETRY when there is no answer to go by. */
static int ask(struct job *job, struct http_client *client, struct str question, int64_t watch_until_ms,
               int64_t late_ms, enum verdict *ret)
{
    int64_t left_ms = late_ms - clock_mono_ms();
    static const struct http_header headers[] = {{STR("Content-Type"), STR("application/json")}};
    struct http_exchange exchange = {.method = "POST",
                                     .url = job_setting(job, "CheckUrl"),
                                     .headers = headers,
                                     .header_count = ARRAY_LEN(headers),
                                     .body = question,
                                     .body_fd = -1,
                                     .sink_fd = -1,
                                     .timeout_ms = left_ms < 1            ? 1
                                                   : left_ms > TIMEOUT_MS ? TIMEOUT_MS
                                                                          : left_ms,
                                     .answer = BUF_INIT(ANSWER_MAX_BYTES),
                                     .raw_headers = BUF_INIT(65536)};
    int r = http_exchange(client, &exchange);
    struct str body = buf_str(&exchange.answer);

    if (r == -EFBIG) {
        r = job_fail(job, "JobFailed", "%s answers with more than %d bytes", exchange.url, ANSWER_MAX_BYTES);
    } else if (r) {
        reason_set(&job->why, 0, "%s does not answer: %s", exchange.url, strerror(-r));
        r = WORK_E_RETRY;
    } else if (passes(exchange.status)) {
        reason_set(&job->why, 0, "%s answers %u", exchange.url, exchange.status);
        r = WORK_E_RETRY;
    } else if (exchange.status < 200 || exchange.status > 299) {
        r = job_fail(job, "JobFailed", "%s answers %u%s%.*s", exchange.url, exchange.status,
                     body.len ? ": " : "", (int)(body.len > ANSWER_SHOWN ? ANSWER_SHOWN : body.len),
                     body.ptr ? body.ptr : "");
    } else if (body.len > 0) {
        r = verdict_read(job, body, watch_until_ms, ret);
    } else {
        *ret = VERDICT_GOOD;
        buf_reset(&job->summary);
    }
    buf_free(&exchange.answer);
    buf_free(&exchange.raw_headers);
    return r;
}

/* The rule's time is over: what it was asked for in vain. */
static int late(struct job *job)
{
    struct reason last = job->why;

    return job_fail(job, "JobFailed", "the rule's time is over: %s", last.text);
}

static int ask_until(struct job *job, struct http_client *client, struct str question)
{
    int64_t minutes = 0, watch_until_ms;
    int64_t late_ms = clock_mono_ms() + json_int(job->tree, "timeoutMs", INT32_MAX) - REPORT_MS;
    enum verdict verdict = VERDICT_AGAIN;
    bool silent = false;

    if (job_setting(job, "WaitTime") && !str_to_int(str_of(job_setting(job, "WaitTime")), 0, 10080, &minutes))
        return job_fail(job, "ConfigurationError", "WaitTime must be a number of minutes");
    watch_until_ms = clock_mono_ms() + minutes * MINUTE_MS;
    for (;;) {
        int r = ask(job, client, question, watch_until_ms, late_ms, &verdict);

        if (r && r != WORK_E_RETRY)
            return r;
        if (r == 0 && verdict == VERDICT_GOOD)
            return 0;
        if (r == 0 && verdict == VERDICT_BAD)
            return job_fail(job, "JobFailed", "the check said no%s" STR_FMT, job->summary.len ? ": " : "",
                            STR_ARG(buf_str(&job->summary)));
        if (r == 0)
            reason_set(&job->why, 0, "the check goes on%s" STR_FMT, job->summary.len ? ": " : "",
                       STR_ARG(buf_str(&job->summary)));
        else if (!silent)
            log_warn("anchor", "job %s: %s; it is asked again", job->id, job->why.text);
        silent = r != 0;
        if (clock_mono_ms() + AGAIN_MS + ANSWER_MS >= late_ms)
            return late(job);
        if (job_given_up(job) || worker_pause(AGAIN_MS))
            return WORK_E_STOPPED;
    }
}

int action_check_url(struct job *job)
{
    CLEANUP(json_free) json_t *question = question_make(job);
    CLEANUP(free_ptr) char *text = question ? json_text(question) : NULL;
    CLEANUP(http_client_free) struct http_client *client = NULL;
    int r;

    if (!text)
        return FAULT(ENOMEM);
    if (!job_setting(job, "CheckUrl"))
        return job_fail(job, "ConfigurationError", "the rule's configuration needs CheckUrl");
    r = http_client_new(&client);
    return r ? r : ask_until(job, client, str_of(text));
}
