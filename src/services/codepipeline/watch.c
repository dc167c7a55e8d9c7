/* Reading one pipeline, again when it has changed, and in pages. */
#include "base/clock.h"
#include "services/codepipeline/api.h"
#include "services/codepipeline/pipeline.h"
#include "services/page_token.h"
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

int codepipeline_page_bad(struct call *c, const char *member)
{
    return call_fail(c, PIPELINE_E_NEXT_TOKEN,
                     "The %s is not one of an earlier answer to the same call: start without it.", member);
}

int codepipeline_page_read(struct call *c, const char *member, const char **ret)
{
    int r = page_token_read(c, member, ret);

    return r == PAGE_TOKEN_BAD ? codepipeline_page_bad(c, member) : r;
}

int codepipeline_page_start(struct call *c, int64_t fallback, int64_t *ret)
{
    const char *place;
    int r = codepipeline_page_read(c, "nextToken", &place);

    *ret = fallback;
    if (r || !place || str_to_int(str_of(place), 0, INT64_MAX, ret))
        return r;
    return codepipeline_page_bad(c, "nextToken");
}

int codepipeline_page_end(struct call *c, int64_t place)
{
    const char *text = arena_printf(c->arena, "%lld", (long long)place);

    return text ? page_token_write(c, "nextToken", text) : FAULT(ENOMEM);
}
