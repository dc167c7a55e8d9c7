/* The descriptor of logs; services.c lists it. */
#pragma once

struct service;
extern const struct service logs_service;
