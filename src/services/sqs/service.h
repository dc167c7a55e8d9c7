/* The descriptor of sqs; services.c lists it. */
#pragma once

struct service;
extern const struct service sqs_service;
