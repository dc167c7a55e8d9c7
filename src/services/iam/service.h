/* The descriptor of iam; services.c lists it. */
#pragma once

struct service;
extern const struct service iam_service;
