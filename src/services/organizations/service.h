/* The descriptor of organizations; services.c lists it. */
#pragma once

struct service;
extern const struct service organizations_service;
