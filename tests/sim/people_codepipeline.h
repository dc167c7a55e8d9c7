/* What people do (people_codepipeline.c). */
#pragma once

#include "sim_codepipeline.h"
#include <stdbool.h>
#include <stddef.h>

/* An account whose role some actions are to have. */
#define THEIRS "333333333333"
#define THEIR_ROLE "r"
enum sim_role { ROLE_ABSENT, ROLE_TRUSTS_OTHERS, ROLE_TRUSTS };

void do_start(void);
void do_stop(void);
void do_retry(void);
void do_rollback(void);
void do_override(void);
void do_transition(void);
void do_approve(void);
void do_freeze(void);
void do_update(void);
void do_role(void);
void role_set(enum sim_role state);
void transition(size_t stage, bool enable);
/* The oldest that waits (where NULL), or one that has ended; false: there is none. */
bool approve(const char *where, bool yes);
void thaw(size_t index);
