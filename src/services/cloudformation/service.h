/* The descriptor of cloudformation; services.c lists it. */
#pragma once

struct service;
extern const struct service cloudformation_service;
