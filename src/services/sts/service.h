/* The descriptor of sts; services.c lists it. */
#pragma once

struct service;
extern const struct service sts_service;
