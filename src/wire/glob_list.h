/* Includes and excludes of glob patterns, as triggers' filters have them: {"includes"?: [text], "excludes"?:
 * [text]}. Source: CodePipeline user guide, "Trigger filtering in the pipeline JSON". */
#pragma once

#include "wire/glob.h"
#include <jansson.h>

/* Excludes go before includes; without includes everything is included. A pattern that is none matches
 * nothing. */
bool glob_list_passes(const json_t *criteria, struct str name);
