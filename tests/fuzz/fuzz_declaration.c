/* A pipeline's declaration by the structure's rules; what is accepted becomes a plan. */
#include "database.h"
#include "fuzz.h"
#include "services/codepipeline/codepipeline.h"
#include "services/codepipeline/declaration.h"
#include "services/codepipeline/engine/plan.h"
#include "services/codepipeline/store.h"

static const struct db_schema schema = {"codepipeline", codepipeline_migrations,
                                        CODEPIPELINE_MIGRATION_COUNT};
static struct db *db;

void fuzz_one(struct str input)
{
    CLEANUP(json_free) json_t *declaration = NULL;
    CLEANUP(json_free) json_t *normal = NULL;
    CLEANUP(plan_free) struct plan *plan = NULL;
    CLEANUP(db_end) struct tx *tx = NULL;
    struct reason why = {0};
    int r;

    if (!db)
        db = fuzz_database(&schema, 1);
    if (json_parse(input, &declaration, NULL) || !json_is_object(declaration))
        return;
    r = db_read(db, &tx);
    assert(r == 0);
    r = declaration_check(tx, "111111111111", "us-east-1", declaration, &why);
    assert(r == 0 ||
           (r >= PIPELINE_E_STRUCTURE && r <= PIPELINE_E_ACTION_DECLARATION && why.text[0] != '\0'));
    if (r)
        return;
    r = declaration_normalise(declaration, 1, &normal);
    assert(r == 0);
    r = plan_new(normal, 1, &plan);
    assert(r == 0 && plan->stage_count >= 2);
}
