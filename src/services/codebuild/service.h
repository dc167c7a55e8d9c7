/* The descriptor of codebuild; services.c lists it. */
#pragma once

struct service;
extern const struct service codebuild_service;
