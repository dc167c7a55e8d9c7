/* Clients of other accounts, by role: sts:AssumeRole once per role, renewed by the client itself. */
#pragma once

#include "workers/call.h"

struct accounts;

#define DEPLOY_ROLE "arn:aws:iam::%s:role/slipway-deploy"

/* `client` is this worker's own and lives longer. */
int accounts_new(struct aws_client *client, struct accounts **ret) MUST_USE;
void accounts_free(struct accounts **accounts);
/* Calls with these clients give up soon: the worker stops. */
void accounts_cancel(struct accounts *accounts);
/* The client for a role; it is the table's. Outcomes are call.h's. */
int accounts_client(struct accounts *accounts, const char *role_arn, struct aws_client **ret,
                    struct reason *why) MUST_USE;
/* The same for role slipway-deploy of an account. */
int accounts_deploy_client(struct accounts *accounts, const char *account, struct aws_client **ret,
                           struct reason *why) MUST_USE;
