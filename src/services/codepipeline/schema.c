/* The tables. Ids are texts (UUIDs); a pipeline's own id outlives nothing: a deleted and re-created pipeline
 * is another one. Partial indexes keep what polls and timers read as small as what is under way. */
#include "services/codepipeline/store.h"

const struct db_migration codepipeline_migrations[] = {
    {1,
     "CREATE TABLE codepipeline_pipeline (id TEXT PRIMARY KEY, account TEXT NOT NULL, name TEXT NOT NULL,"
     " version BIGINT NOT NULL, last_seq BIGINT NOT NULL, created_ms BIGINT NOT NULL,"
     " updated_ms BIGINT NOT NULL, changed_ms BIGINT NOT NULL, UNIQUE (account, name));"
     "CREATE TABLE codepipeline_version (pipeline_id TEXT NOT NULL, version BIGINT NOT NULL,"
     " declaration TEXT NOT NULL, created_ms BIGINT NOT NULL, PRIMARY KEY (pipeline_id, version));"
     "CREATE TABLE codepipeline_stage (pipeline_id TEXT NOT NULL, stage TEXT NOT NULL, enabled BIGINT NOT "
     "NULL,"
     " reason TEXT, changed_by TEXT, changed_ms BIGINT NOT NULL, last_id TEXT NOT NULL,"
     " last_seq BIGINT NOT NULL, status TEXT NOT NULL, PRIMARY KEY (pipeline_id, stage));"
     "CREATE TABLE codepipeline_execution (id TEXT PRIMARY KEY, pipeline_id TEXT NOT NULL, seq BIGINT NOT "
     "NULL,"
     " version BIGINT NOT NULL, token TEXT, status TEXT NOT NULL, place TEXT NOT NULL, stage BIGINT NOT NULL,"
     " stage_run BIGINT NOT NULL, run_seq BIGINT NOT NULL, started_ms BIGINT NOT NULL,"
     " updated_ms BIGINT NOT NULL, data TEXT NOT NULL, UNIQUE (pipeline_id, seq));"
     "CREATE INDEX codepipeline_execution_active ON codepipeline_execution (pipeline_id, seq)"
     " WHERE place <> 'Ended';"
     "CREATE UNIQUE INDEX codepipeline_execution_token ON codepipeline_execution (pipeline_id, token)"
     " WHERE token IS NOT NULL;"
     "CREATE TABLE codepipeline_action (id TEXT PRIMARY KEY, pipeline_id TEXT NOT NULL,"
     " execution_id TEXT NOT NULL, stage TEXT NOT NULL, action TEXT NOT NULL, stage_run BIGINT NOT NULL,"
     " ordinal BIGINT NOT NULL, replaced BIGINT NOT NULL, status TEXT NOT NULL, token TEXT NOT NULL,"
     " job_id TEXT NOT NULL, started_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL,"
     " deadline_ms BIGINT NOT NULL, detail TEXT NOT NULL);"
     "CREATE INDEX codepipeline_action_execution ON codepipeline_action (execution_id, stage_run);"
     "CREATE INDEX codepipeline_action_pipeline ON codepipeline_action (pipeline_id, started_ms, ordinal);"
     "CREATE INDEX codepipeline_action_latest ON codepipeline_action (pipeline_id, stage, action, "
     "started_ms);"
     "CREATE INDEX codepipeline_action_token ON codepipeline_action (token) WHERE token <> '';"
     "CREATE TABLE codepipeline_job (id TEXT PRIMARY KEY, pipeline_id TEXT NOT NULL, run_id TEXT NOT NULL,"
     " account TEXT NOT NULL, owner TEXT NOT NULL, type TEXT NOT NULL, status TEXT NOT NULL,"
     " nonce TEXT NOT NULL, worker TEXT NOT NULL, fenced BIGINT NOT NULL, attempt BIGINT NOT NULL,"
     " due_ms BIGINT NOT NULL, created_ms BIGINT NOT NULL, deadline_ms BIGINT NOT NULL,"
     " pipeline_account TEXT NOT NULL, role_arn TEXT, data TEXT NOT NULL);"
     "CREATE INDEX codepipeline_job_offer ON codepipeline_job (account, owner, type, created_ms)"
     " WHERE status = 'Queued';"
     "CREATE INDEX codepipeline_job_worker ON codepipeline_job (account, worker) WHERE status = 'InProgress';"
     "CREATE INDEX codepipeline_job_pipeline ON codepipeline_job (pipeline_id);"
     "CREATE TABLE codepipeline_timer (kind TEXT NOT NULL, ref TEXT NOT NULL, pipeline_id TEXT NOT NULL,"
     " due_ms BIGINT NOT NULL, PRIMARY KEY (kind, ref));"
     "CREATE INDEX codepipeline_timer_due ON codepipeline_timer (due_ms);"
     "CREATE INDEX codepipeline_timer_pipeline ON codepipeline_timer (pipeline_id);"
     "CREATE TABLE codepipeline_history (id TEXT PRIMARY KEY, pipeline_id TEXT NOT NULL, at_ms BIGINT NOT "
     "NULL,"
     " account TEXT NOT NULL, pipeline TEXT NOT NULL, execution_id TEXT, stage TEXT, action TEXT,"
     " what TEXT NOT NULL, who TEXT, why TEXT);"
     "CREATE INDEX codepipeline_history_pipeline ON codepipeline_history (account, pipeline, at_ms);"
     "CREATE TABLE codepipeline_action_type (account TEXT NOT NULL, category TEXT NOT NULL,"
     " provider TEXT NOT NULL, version TEXT NOT NULL, deleted BIGINT NOT NULL, declaration TEXT NOT NULL,"
     " PRIMARY KEY (account, category, provider, version));"
     "CREATE TABLE codepipeline_tag (arn TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
     " PRIMARY KEY (arn, key));"},
    {2, "ALTER TABLE codepipeline_stage ADD COLUMN good_id TEXT NOT NULL DEFAULT '';"},
    {3, "ALTER TABLE codepipeline_history ADD COLUMN ordinal BIGINT NOT NULL DEFAULT 0;"
        "CREATE INDEX codepipeline_history_ordinal ON codepipeline_history (account, pipeline, ordinal);"},
    {4, "CREATE TABLE codepipeline_webhook (account TEXT NOT NULL, name TEXT NOT NULL,"
        " token TEXT NOT NULL UNIQUE, definition TEXT NOT NULL, triggered_ms BIGINT NOT NULL,"
        " error_code TEXT, error_message TEXT, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL,"
        " PRIMARY KEY (account, name));"},
    {5, "CREATE TABLE codepipeline_source (pipeline_id TEXT NOT NULL, action TEXT NOT NULL, bucket TEXT NOT "
        "NULL,"
        " key TEXT NOT NULL, PRIMARY KEY (pipeline_id, action));"
        "CREATE INDEX codepipeline_source_object ON codepipeline_source (bucket, key);"
        "INSERT INTO codepipeline_timer (kind, ref, pipeline_id, due_ms)"
        " SELECT 'follow', id, id, 0 FROM codepipeline_pipeline;"},
    {6, "ALTER TABLE codepipeline_action ADD COLUMN phase TEXT NOT NULL DEFAULT '';"},
    {7,
     "CREATE TABLE codepipeline_freeze (id TEXT PRIMARY KEY, account TEXT NOT NULL, ordinal BIGINT NOT NULL,"
     " name TEXT NOT NULL, spec TEXT NOT NULL, made_ms BIGINT NOT NULL, made_by TEXT NOT NULL,"
     " ends_ms BIGINT NOT NULL, ended_ms BIGINT NOT NULL, ended_by TEXT, ended_why TEXT,"
     " UNIQUE (account, ordinal));"
     "CREATE UNIQUE INDEX codepipeline_freeze_name ON codepipeline_freeze (account, name) WHERE ended_ms = "
     "0;"},
    {8, "DROP INDEX codepipeline_history_pipeline;"}, /* the one by ordinal serves */
    {9,
     "CREATE INDEX codepipeline_execution_ended ON codepipeline_execution (updated_ms) WHERE place = 'Ended';"
     "DROP INDEX codepipeline_job_pipeline;"
     "CREATE INDEX codepipeline_job_run ON codepipeline_job (pipeline_id, run_id);"},
    {10, /* an action costs as few pages as it can: runs are found by their execution, jobs by their runs */
     "DROP INDEX codepipeline_job_run;"
     "DROP INDEX codepipeline_job_offer;"
     "CREATE INDEX codepipeline_job_offer ON codepipeline_job (account, created_ms)"
     " WHERE status = 'Queued' AND owner = 'AWS';"
     "CREATE INDEX codepipeline_job_custom ON codepipeline_job (account, type, created_ms)"
     " WHERE status = 'Queued' AND owner = 'Custom';"
     "DROP INDEX codepipeline_action_pipeline;"
     "DROP INDEX codepipeline_action_latest;"
     "DELETE FROM codepipeline_timer WHERE kind IN ('run', 'lease');"
     "CREATE INDEX codepipeline_action_due ON codepipeline_action (deadline_ms) WHERE status = 'InProgress';"
     "CREATE INDEX codepipeline_job_due ON codepipeline_job (due_ms) WHERE due_ms > 0;"
     /* the casts let SQLite merge the three by their indexes */
     "CREATE VIEW codepipeline_due (kind, ref, pipeline_id, due_ms) AS"
     " SELECT kind, ref, pipeline_id, due_ms FROM codepipeline_timer"
     " UNION ALL SELECT CAST('lease' AS TEXT), id, pipeline_id, due_ms FROM codepipeline_job j WHERE due_ms "
     "> 0"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_timer t WHERE t.kind = 'lease' AND t.ref = j.id)"
     " UNION ALL SELECT CAST('run' AS TEXT), id, pipeline_id, deadline_ms FROM codepipeline_action a"
     " WHERE status = 'InProgress'"
     " AND NOT EXISTS (SELECT 1 FROM codepipeline_timer t WHERE t.kind = 'run' AND t.ref = a.id);"},
    {11, /* each step asks for the freezes in force: past ones must cost it nothing */
     "CREATE INDEX codepipeline_freeze_open ON codepipeline_freeze (account, ordinal) WHERE ended_ms = 0;"},
    {12, "ALTER TABLE codepipeline_pipeline ADD COLUMN stamp BIGINT NOT NULL DEFAULT 0;"},
    {13, "DROP INDEX codepipeline_job_worker;"}, /* the few that are leased are found by the end of it */
};
static_assert(ARRAY_LEN(codepipeline_migrations) == CODEPIPELINE_MIGRATION_COUNT, "store.h counts them");
