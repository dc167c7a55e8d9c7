/* What a build keeps: files by pattern, packed. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "workers/anchor/buildspec.h"

#define BUILD_ARTIFACTS_E_BAD 1

/* True when a path (below the base folder) is meant: `**` any folders, `*` within one. */
bool artifact_pattern_match(const char *pattern, const char *path);
/* Packs the buildspec's artifacts of the source folder into the empty file `fd`. Links are never followed.
 * BUILD_ARTIFACTS_E_BAD. */
int build_artifacts_pack(const struct buildspec *spec, const char *source_folder, int fd,
                         struct reason *why) MUST_USE;
