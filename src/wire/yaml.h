/* YAML 1.1-style documents (libfyaml) as JSON trees with source positions.
 *
 * CloudFormation's short-form tags become their long form while reading: `!Ref x` → {"Ref": x}, `!Sub x` →
 * {"Fn::Sub": x}, `!GetAtt a.b` → {"Fn::GetAtt": ["a","b"]}, any other `!Name x` → {"Fn::Name": x};
 * `!Condition x` →
 * {"Condition": x}. Plain scalars follow YAML 1.1's booleans only for true/false (as CloudFormation does);
 * dates stay strings. JSON is read by the same function. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include <jansson.h>

#define YAML_E_SYNTAX 1
#define YAML_MAX_DEPTH 64
#define YAML_MAX_NODES 200000

struct yaml_marks; /* where each value stood: path → line, column */

/* Aliases and merge keys are refused when they would expand past YAML_MAX_NODES; duplicate keys are refused.
 * YAML_E_SYNTAX fills *why with line, column and what was wrong. `ret_marks` may be NULL. */
int yaml_parse(struct str text, json_t **ret, struct yaml_marks **ret_marks, struct reason *why) MUST_USE;
/* Line (from 1) of the value at a path like "Resources/Bucket/Properties/Tags/0"; 0 when unknown. */
int yaml_line(const struct yaml_marks *marks, const char *path);
void yaml_marks_free(struct yaml_marks **marks); /* CLEANUP-able */
