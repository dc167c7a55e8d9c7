/* See buildspec_memo.h. */
#include "workers/anchor/buildspec_memo.h"
#include "base/mem.h"
#include <pthread.h>

#define REMEMBERED 16
#define TEXT_MAX_BYTES 16384 /* of one that is remembered */

struct remembered {
    struct buf text; /* empty: none */
    struct buildspec spec;
};

struct buildspec_memo {
    pthread_mutex_t lock;
    struct remembered all[REMEMBERED];
    size_t next; /* the oldest, which goes next */
};

int buildspec_memo_new(struct buildspec_memo **ret)
{
    struct buildspec_memo *memo = mem_alloc(sizeof(*memo));

    if (!memo)
        return FAULT(ENOMEM);
    pthread_mutex_init(&memo->lock, NULL);
    *ret = memo;
    return 0;
}

static void forget(struct remembered *old)
{
    buf_free(&old->text);
    buildspec_deinit(&old->spec);
}

void buildspec_memo_free(struct buildspec_memo **memo)
{
    if (!*memo)
        return;
    for (size_t i = 0; i < REMEMBERED; i++)
        forget(&(*memo)->all[i]);
    pthread_mutex_destroy(&(*memo)->lock);
    free(*memo);
    *memo = NULL;
}

/* What is borrowed from the tree stays good as long as one of them has it. */
static int copy(const struct buildspec *spec, struct buildspec *ret)
{
    struct buf ignored = BUF_INIT(spec->ignored.max);
    int r = buf_put_str(&ignored, buf_str(&spec->ignored));

    if (r)
        return r;
    *ret = *spec;
    ret->ignored = ignored;
    (void)json_incref(ret->tree);
    return 0;
}

/* Called with the lock. */
static const struct buildspec *find(const struct buildspec_memo *memo, struct str text)
{
    for (size_t i = 0; i < REMEMBERED; i++)
        if (memo->all[i].text.len > 0 && str_eq(buf_str(&memo->all[i].text), text))
            return &memo->all[i].spec;
    return NULL;
}

/* Called with the lock. Without memory it is parsed again. */
static void remember(struct buildspec_memo *memo, struct str text, const struct buildspec *spec)
{
    struct remembered *one = &memo->all[memo->next];

    forget(one);
    one->text = BUF_INIT(TEXT_MAX_BYTES);
    if (buf_put_str(&one->text, text) || copy(spec, &one->spec))
        buf_free(&one->text);
    else
        memo->next = (memo->next + 1) % REMEMBERED;
}

int buildspec_memo_parse(struct buildspec_memo *memo, struct str text, struct buildspec *ret,
                         struct reason *why)
{
    const struct buildspec *known;
    int r = 0;

    pthread_mutex_lock(&memo->lock);
    known = find(memo, text);
    if (known)
        r = copy(known, ret);
    pthread_mutex_unlock(&memo->lock);
    if (known)
        return r;
    r = buildspec_parse(text, ret, why);
    if (r)
        return r;
    pthread_mutex_lock(&memo->lock);
    if (text.len > 0 && text.len <= TEXT_MAX_BYTES && !find(memo, text))
        remember(memo, text, ret);
    pthread_mutex_unlock(&memo->lock);
    return 0;
}
