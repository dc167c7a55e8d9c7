/* The descriptor of ssm; services.c lists it. */
#pragma once

struct service;
extern const struct service ssm_service;
