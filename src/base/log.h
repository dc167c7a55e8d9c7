/* One line per event on stderr: `TIME level room message`. Only main, http, services' background threads and
 * the worker loops log above debug. Never log secrets. */
#pragma once

#include "base/base.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

void log_set_level(enum log_level level); /* default: info; SLIPWAY_LOG=debug|info|warn|error at start */
void log_from_env(void);
void log_write(enum log_level level, const char *room, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_debug(room, ...) log_write(LOG_LEVEL_DEBUG, room, __VA_ARGS__)
#define log_info(room, ...) log_write(LOG_LEVEL_INFO, room, __VA_ARGS__)
#define log_warn(room, ...) log_write(LOG_LEVEL_WARN, room, __VA_ARGS__)
#define log_error(room, ...) log_write(LOG_LEVEL_ERROR, room, __VA_ARGS__)
