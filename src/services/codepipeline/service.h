/* The descriptor of codepipeline; services.c lists it. */
#pragma once

struct service;
extern const struct service codepipeline_service;
