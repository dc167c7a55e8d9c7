/* The inputs and outputs of codebuild's operations. */
#pragma once

#include "services/service.h"

extern const struct shape codebuild_project_in; /* CreateProject; also what project_put takes */
extern const struct shape codebuild_project_change_in;
extern const struct shape codebuild_project_out;
extern const struct shape codebuild_project_name_in;
extern const struct shape codebuild_project_names_in;
extern const struct shape codebuild_projects_out;
extern const struct shape codebuild_list_projects_in;
extern const struct shape codebuild_list_projects_out;
extern const struct shape codebuild_start_in;
extern const struct shape codebuild_start_out;
extern const struct shape codebuild_build_out;
extern const struct shape codebuild_build_id_in;
extern const struct shape codebuild_build_ids_in;
extern const struct shape codebuild_builds_out;
extern const struct shape codebuild_list_builds_in;
extern const struct shape codebuild_list_project_builds_in;
extern const struct shape codebuild_list_builds_out;
extern const struct shape codebuild_retry_in;
extern const struct shape codebuild_poll_in;
extern const struct shape codebuild_poll_out;
extern const struct shape codebuild_work; /* a build as its worker is told of it */
extern const struct shape codebuild_update_in;
extern const struct shape codebuild_update_out;
