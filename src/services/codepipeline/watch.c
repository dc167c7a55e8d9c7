/* Reading one pipeline, again when it has changed, and in pages. */
#include "base/clock.h"
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"
#include <stdio.h>

/* A caller that looked at most so long ago may have missed a change: it is answered at once. */
#define MISSED_MS 100

int codepipeline_watch(struct call *c, const char *member, struct watched *ret)
{
    const char *name = json_str(c->in, member, "");

    (void)snprintf(ret->topic, sizeof(ret->topic), TOPIC_PIPELINE, c->caller->account, name);
    return pipeline_require(c->tx, c->caller->account, name, &ret->pipeline, &c->reason);
}

int codepipeline_watch_end(struct call *c, const struct watched *watched)
{
    int64_t wait_ms = call_wait_ms(c);
    bool waited = c->wait_deadline_mono_ms != 0;

    if (wait_ms == 0 || waited || clock_now_ms() - watched->pipeline.changed_ms < MISSED_MS)
        return 0;
    return call_wait(c, wait_ms, watched->topic);
}

int codepipeline_page_start(struct call *c, int64_t fallback, int64_t *ret)
{
    const char *token = json_str(c->in, "nextToken", NULL);

    *ret = fallback;
    if (!token || str_to_int(str_of(token), 0, INT64_MAX, ret))
        return 0;
    return call_fail(c, PIPELINE_E_NEXT_TOKEN,
                     "The nextToken is not one of an earlier answer: start without it.");
}

int codepipeline_page_end(struct call *c, int64_t place)
{
    return json_put_format(c->out, "nextToken", "%lld", (long long)place);
}
