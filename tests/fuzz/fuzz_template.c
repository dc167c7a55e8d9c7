/* CloudFormation templates: parsed, checked, ordered, evaluated against no resource, as CreateStack does
 * before anything changes. */
#include "database.h"
#include "fuzz.h"
#include "services/cloudformation/outcome.h"
#include "services/cloudformation/plan.h"
#include "services/cloudformation/service.h"
#include "services/service.h"
#include "services/ssm/service.h"

static struct platform platform = {.region = "us-east-1", .shared_account = "111111111111"};

static const struct db_schema *schemas(void)
{
    static struct db_schema both[2];

    both[0] = (struct db_schema){"ssm", ssm_service.migrations, ssm_service.migration_count};
    both[1] = (struct db_schema){"cloudformation", cloudformation_service.migrations,
                                 cloudformation_service.migration_count};
    return both;
}

void fuzz_one(struct str input)
{
    const struct stack stack = {.id = "arn:stack/fuzz", .account = "111111111111", .name = "fuzz"};
    CLEANUP(plan_close) struct plan plan = {.template = NULL};
    CLEANUP(db_end) struct tx *tx = NULL;
    struct reason why = {0};
    struct plan_source source = {.platform = &platform, .stack = &stack, .body = input};
    int r;

    if (!platform.db)
        platform.db = fuzz_database(schemas(), 2);
    r = db_read(platform.db, &tx);
    assert(r == 0);
    source.tx = tx;
    r = plan_open(&source, &plan, &why);
    if (r == 0)
        r = plan_check(&plan);
    assert(r == 0 || (r == STACK_E_INVALID && why.text[0] != '\0'));
}
