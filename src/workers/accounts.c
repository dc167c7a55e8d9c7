/* See accounts.h. */
#include "workers/accounts.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdio.h>

#define ROLES_MAX 1000

struct role {
    char *arn;
    struct aws_client *client;
    struct role *next;
};

struct accounts {
    struct aws_client *client;
    pthread_mutex_t lock; /* also held while assuming: others wait for the same role */
    struct role *roles;
    size_t count;
};

static void role_free(struct role **role)
{
    if (!*role)
        return;
    aws_client_free(&(*role)->client);
    free((*role)->arn);
    free(*role);
    *role = NULL;
}

int accounts_new(struct aws_client *client, struct accounts **ret)
{
    struct accounts *accounts = mem_alloc(sizeof(*accounts));

    if (!accounts)
        return FAULT(ENOMEM);
    accounts->client = client;
    pthread_mutex_init(&accounts->lock, NULL);
    *ret = accounts;
    return 0;
}

void accounts_free(struct accounts **accounts)
{
    if (!*accounts)
        return;
    while ((*accounts)->roles) {
        struct role *role = (*accounts)->roles;

        (*accounts)->roles = role->next;
        role_free(&role);
    }
    pthread_mutex_destroy(&(*accounts)->lock);
    free(*accounts);
    *accounts = NULL;
}

void accounts_cancel(struct accounts *accounts)
{
    pthread_mutex_lock(&accounts->lock);
    for (const struct role *role = accounts->roles; role; role = role->next)
        aws_client_cancel(role->client);
    pthread_mutex_unlock(&accounts->lock);
}

static int role_assume(struct accounts *accounts, const char *role_arn, struct aws_client **ret,
                       struct reason *why)
{
    CLEANUP(role_free) struct role *role = mem_alloc(sizeof(*role));
    struct aws_error error = {0};
    char what[256];
    int r;

    if (!role)
        return FAULT(ENOMEM);
    if (accounts->count >= ROLES_MAX)
        return reason_set(why, WORK_E_FAILED, "this worker has assumed %d roles: no more", ROLES_MAX);
    role->arn = str_dup(str_of(role_arn));
    if (!role->arn)
        return FAULT(ENOMEM);
    r = aws_client_assume(accounts->client, role_arn, "slipway", &role->client, &error);
    snprintf(what, sizeof(what), "sts:AssumeRole %.200s", role_arn);
    r = work_outcome(r, &error, what, why);
    if (r == WORK_E_FAILED && strcmp(error.code, "AccessDenied") == 0)
        return reason_set(why, r, "%s: %s; there is no such role, or its trust policy names others", what,
                          error.message);
    if (r)
        return r;
    *ret = role->client;
    role->next = accounts->roles;
    accounts->roles = take(role);
    accounts->count++;
    return 0;
}

int accounts_client(struct accounts *accounts, const char *role_arn, struct aws_client **ret,
                    struct reason *why)
{
    struct aws_client *found = NULL;
    int r = 0;

    pthread_mutex_lock(&accounts->lock);
    for (const struct role *role = accounts->roles; role && !found; role = role->next)
        if (strcmp(role->arn, role_arn) == 0)
            found = role->client;
    if (!found)
        r = role_assume(accounts, role_arn, &found, why);
    pthread_mutex_unlock(&accounts->lock);
    if (r == 0)
        *ret = found;
    return r;
}

int accounts_deploy_client(struct accounts *accounts, const char *account, struct aws_client **ret,
                           struct reason *why)
{
    char arn[128];

    snprintf(arn, sizeof(arn), DEPLOY_ROLE, account);
    return accounts_client(accounts, arn, ret, why);
}
