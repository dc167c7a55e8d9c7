/* Prints docs/operations.md from the services' own tables: `make docs` writes it, a test compares it. */
#include "services/service.h"

#include <stdio.h>

static const struct {
    enum protocol_kind kind;
    const char *name;
} protocols[] = {{PROTOCOL_JSON_10, "JSON 1.0"},
                 {PROTOCOL_JSON_11, "JSON 1.1"},
                 {PROTOCOL_QUERY, "Query"},
                 {PROTOCOL_REST_XML, "REST-XML"}};

static void print_service(const struct service *service)
{
    const char *separator = "";
    (void)printf("\n## %s\nProtocol: ", service->name);
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (service->protocols & protocols[i].kind) {
            (void)printf("%s%s", separator, protocols[i].name);
            separator = ", ";
        }
    (void)printf("\n\n| operation | IAM action | |\n|---|---|---|\n");
    for (size_t i = 0; i < service->operation_count; i++) {
        const struct operation *operation = &service->operations[i];
        (void)printf("| %s | `%s` | %s |\n", operation->name, operation->iam_action,
                     operation->flags & OP_EXTENSION ? "Slipway's own" : "");
    }
    if (service->hook)
        (void)printf("\nUnsigned POSTs to `%s` are its events (%s).\n", service->hook_path,
                     service->hook->name);
    if (!service->unsupported || !service->unsupported[0])
        return;
    (void)printf("\nKnown and answered as not supported: ");
    for (size_t i = 0; service->unsupported[i]; i++)
        (void)printf("%s%s", i ? ", " : "", service->unsupported[i]);
    (void)printf(".\n");
}

int main(void)
{
    (void)printf("# Operations\n\nWhat each service answers, made from the services' tables by `make docs`. "
                 "The IAM action is "
                 "what an\nidentity will need; of policies only buckets' and queues' own are evaluated yet "
                 "(limits.md). Any other "
                 "operation is answered with "
                 "an\nerror that says that Slipway does not support it.\n");
    for (size_t i = 0; services_all[i]; i++)
        print_service(services_all[i]);
    return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
