/* Actions that consist of one build of CodeBuild (build_action.c). */
#pragma once

#include "workers/anchor/work.h"

/* The build has come with the job, started. */
bool build_action_leased(const struct job *job);
/* Gives up one that has come and was never begun: to another worker when this one stops, else for good. */
void build_action_leave(struct job *job);
