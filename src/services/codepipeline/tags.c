/* Tags of pipelines and their ARNs. */
#include "services/codepipeline/pipeline.h"
#include "services/codepipeline/texts.h"
#include "services/service.h"
#include "wire/json.h"
#include <stdio.h>

void pipeline_arn(const struct platform *platform, const char *account, const char *name,
                  char ret[PIPELINE_ARN_SIZE])
{
    snprintf(ret, PIPELINE_ARN_SIZE, "arn:aws:codepipeline:%s:%s:%s", platform->region, account, name);
}

static int tags_count(struct tx *tx, const char *arn, int64_t *ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    int r = tx_query_row(tx, &rows, "SELECT COUNT(*) FROM codepipeline_tag WHERE arn = $1", "s", arn);

    if (r == 0)
        *ret = rows_int(rows, 0);
    return r;
}

int tags_put(struct tx *tx, const char *arn, const json_t *tags, struct reason *why)
{
    const char *twice = text_twice(tags, "key");
    const json_t *tag;
    int64_t count = 0;
    size_t i;
    int r = 0;

    if (twice)
        return reason_set(why, PIPELINE_E_TAGS, "The tag key '%s' is given more than once.", twice);
    json_array_foreach (tags, i, tag) {
        const char *key = json_str(tag, "key", "");

        if (strncmp(key, "aws:", 4) == 0)
            return reason_set(why, PIPELINE_E_TAGS, "The tag key '%s' begins with 'aws:', which is reserved.",
                              key);
        r = tx_exec(tx,
                    "INSERT INTO codepipeline_tag (arn, key, value) VALUES ($1, $2, $3)"
                    " ON CONFLICT (arn, key) DO UPDATE SET value = excluded.value",
                    "sss", arn, key, json_str(tag, "value", ""));
        if (r)
            return r;
    }
    r = tags_count(tx, arn, &count);
    if (r == 0 && count > TAGS_MAX)
        return reason_set(why, PIPELINE_E_TOO_MANY_TAGS, "%s would have %lld tags; the most is %d.", arn,
                          (long long)count, TAGS_MAX);
    return r;
}

int pipeline_tags_set(struct tx *tx, const struct platform *platform, const char *account, const char *name,
                      const json_t *tags, struct reason *why)
{
    char arn[PIPELINE_ARN_SIZE];
    int r;

    pipeline_arn(platform, account, name, arn);
    r = tx_exec(tx, "DELETE FROM codepipeline_tag WHERE arn = $1", "s", arn);
    return r ? r : tags_put(tx, arn, tags, why);
}

int tags_list(struct tx *tx, const char *arn, json_t **ret)
{
    CLEANUP(rows_close) struct rows *rows = NULL;
    CLEANUP(json_free) json_t *list = json_array();
    int r = list ? tx_query(tx, &rows, "SELECT key, value FROM codepipeline_tag WHERE arn = $1 ORDER BY key",
                            "s", arn)
                 : FAULT(ENOMEM);

    while (r == 0 && (r = rows_next(rows)) == 0)
        if (json_array_append_new(
                list, json_pack("{s:s, s:s}", "key", rows_text(rows, 0), "value", rows_text(rows, 1))))
            r = FAULT(ENOMEM);
    if (r != DB_NONE)
        return r;
    *ret = take(list);
    return 0;
}
