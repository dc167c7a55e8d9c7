/* The descriptor of sns, for the table of services. */
#pragma once

#include "services/service.h"

extern const struct service sns_service;
