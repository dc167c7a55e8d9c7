/* The condition keys that are the same of all services' requests ("aws:SourceIp"): what resource policies are
 * evaluated with. Source: IAM User Guide, "AWS global condition context keys". */
#pragma once

#include "services/iam/evaluate.h"
#include "services/iam/names.h"
#include "services/service.h"
#include "wire/time.h"

/* Of whose request they are told; the texts behind it are borrowed. */
struct condition_facts {
    const struct platform *platform;
    const struct http_request *http; /* NULL: no request: a service asks */
    const struct principal *caller;  /* NULL: nobody has signed it */
    const struct sender *sender;     /* the service that asks; NULL: a request */
    const char *resource_account;
    /* what the values are written to */
    char time[TIME_TEXT_SIZE];
    char epoch[24];
    char organization[IAM_ORGANIZATION_SIZE];
    char role[128];
};

/* As policy_request's context; the values live as long as the facts. */
size_t condition_key(struct condition_facts *facts, const char *key, struct str ret[POLICY_VALUES_MAX]);
