/* codebuild's handlers, for the table in service.c. */
#pragma once

struct call;

int codebuild_create_project(struct call *c);
int codebuild_update_project(struct call *c);
int codebuild_delete_project(struct call *c);
int codebuild_batch_get_projects(struct call *c);
int codebuild_list_projects(struct call *c);
int codebuild_start_build(struct call *c);
int codebuild_retry_build(struct call *c);
int codebuild_stop_build(struct call *c);
int codebuild_batch_get_builds(struct call *c);
int codebuild_list_builds(struct call *c);
int codebuild_list_builds_for_project(struct call *c);
int codebuild_poll_for_builds(struct call *c);
int codebuild_update_build(struct call *c);
