/* codepipeline's handlers, for the table in service.c. */
#pragma once

#include "services/codepipeline/store.h"
#include "services/service.h"

/* api_pipeline.c */
int codepipeline_create_pipeline(struct call *c);
int codepipeline_get_pipeline(struct call *c);
int codepipeline_update_pipeline(struct call *c);
int codepipeline_delete_pipeline(struct call *c);
int codepipeline_list_pipelines(struct call *c);
/* api_action_type.c */
int codepipeline_create_custom_action_type(struct call *c);
int codepipeline_delete_custom_action_type(struct call *c);
int codepipeline_list_action_types(struct call *c);
int codepipeline_list_rule_types(struct call *c);
int codepipeline_get_action_type(struct call *c);
int codepipeline_update_action_type(struct call *c);
int codepipeline_tag_resource(struct call *c);
int codepipeline_untag_resource(struct call *c);
int codepipeline_list_tags_for_resource(struct call *c);
/* api_execution.c */
int codepipeline_start_execution(struct call *c);
int codepipeline_stop_execution(struct call *c);
int codepipeline_retry_stage(struct call *c);
int codepipeline_rollback_stage(struct call *c);
int codepipeline_override_condition(struct call *c);
int codepipeline_enable_transition(struct call *c);
int codepipeline_disable_transition(struct call *c);
int codepipeline_put_approval_result(struct call *c);
/* api_state.c */
int codepipeline_get_pipeline_state(struct call *c);
/* api_state_conditions.c: adds what became of the stage's conditions in that execution, whose data is given.
 */
int codepipeline_conditions_put(struct call *c, const struct plan_stage *stage, const char *execution_id,
                                const json_t *data, json_t *stage_state) MUST_USE;
/* api_explain.c */
int codepipeline_explain_pipeline(struct call *c);
/* api_history.c */
int codepipeline_get_pipeline_execution(struct call *c);
int codepipeline_list_pipeline_executions(struct call *c);
/* api_freeze.c */
int codepipeline_put_freeze(struct call *c);
int codepipeline_delete_freeze(struct call *c);
int codepipeline_list_freezes(struct call *c);
/* api_record.c */
int codepipeline_list_pipeline_history(struct call *c);
/* api_runs.c */
int codepipeline_list_action_executions(struct call *c);
int codepipeline_list_rule_executions(struct call *c);
/* api_job.c */
int codepipeline_poll_for_jobs(struct call *c);
int codepipeline_poll_for_account_jobs(struct call *c);
int codepipeline_acknowledge_job(struct call *c);
int codepipeline_get_job_details(struct call *c);
int codepipeline_extend_job_lease(struct call *c);
int codepipeline_release_job(struct call *c);
int codepipeline_put_job_success_result(struct call *c);
int codepipeline_put_job_failure_result(struct call *c);

/* api_revision.c */
int codepipeline_put_action_revision(struct call *c);
int codepipeline_list_deploy_targets(struct call *c);
/* api_webhook.c */
int codepipeline_put_webhook(struct call *c);
int codepipeline_list_webhooks(struct call *c);
int codepipeline_delete_webhook(struct call *c);
int codepipeline_register_webhook(struct call *c); /* and deregister */
/* receive.c */
int codepipeline_expect_event(struct call *c); /* before its body */
int codepipeline_receive_event(struct call *c);

/* What a reader of one pipeline needs (watch.c). Fails as pipeline_require does. */
struct watched {
    struct pipeline pipeline;
    char topic[WAKE_TOPIC_MAX];
};

/* Finds the pipeline that c->in[member] names. */
int codepipeline_watch(struct call *c, const char *member, struct watched *ret) MUST_USE;
/* To be returned at the end: CALL_WAIT for who said X-Slipway-Wait and has not missed a change just now. */
int codepipeline_watch_end(struct call *c, const struct watched *watched) MUST_USE;

/* Pages (watch.c): the place of the last row shown, in a token. PIPELINE_E_NEXT_TOKEN. */
int codepipeline_page_bad(struct call *c, const char *member) MUST_USE;
int codepipeline_page_read(struct call *c, const char *member,
                           const char **ret) MUST_USE; /* NULL: no token */
/* The same of a number; `fallback` without a token. */
int codepipeline_page_start(struct call *c, int64_t fallback, int64_t *ret) MUST_USE;
int codepipeline_page_end(struct call *c, int64_t place) MUST_USE;
