/* The descriptor of s3; services.c lists it. */
#pragma once

struct service;
extern const struct service s3_service;
