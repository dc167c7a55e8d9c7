/* What the tests of flow_step share (flow_fixture.c). */
#pragma once

#include "services/codepipeline/engine/engine.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

extern struct flow *flow;
extern int64_t now_ms;
extern int64_t starts; /* how many */

int setup(void **state);
int teardown(void **state);
/* "s ab>c A": stages of actions, one letter each: upper case is an approval; `>` begins the next runOrder.
 * Action x makes artifact x. Stages are called S1, S2, … or, with names "QXY", by those letters. */
struct plan *plan_named(const char *text, const char *names, int64_t version);
struct plan *plan_of(const char *text);
int step(struct flow_event event); /* by "me" if by nobody else */
struct execution *start(struct plan *plan);
struct run *run_of(const struct execution *execution, char action); /* NULL: not begun */
int result(const struct execution *execution, char action, bool success);
void succeed(const struct execution *execution, const char *actions);
void assert_at(const struct execution *execution, int place, size_t stage);
void assert_ended(const struct execution *execution, int status);
size_t effects(enum effect_kind kind, const char *ref);
size_t records(const char *what);
int stage_status(const char *stage);
