/* What the files of the YAML reader share. */
#pragma once

#include "wire/yaml.h"

/* The hash of a path, extended by one step; a document's root has YAML_ROOT. */
#define YAML_ROOT UINT64_C(14695981039346656037)
uint64_t yaml_step(uint64_t path, struct str step);
uint64_t yaml_step_index(uint64_t path, size_t index);
int yaml_marks_new(struct yaml_marks **ret) MUST_USE;
int yaml_mark(struct yaml_marks *marks, uint64_t path, int line) MUST_USE;

/* The value that an unquoted, untagged scalar stands for; NULL when out of memory. */
json_t *yaml_plain(struct str text) MUST_USE;
