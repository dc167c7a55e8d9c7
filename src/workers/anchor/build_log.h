/* A build's log lines on their way to Logs: gathered for a moment, sent in batches, kept while the services
 * cannot be reached. Not shared between threads. */
#pragma once

#include "base/buf.h"
#include "workers/call.h"

struct build_log {
    struct aws_client *client;
    const char *group; /* NULL: nothing is sent */
    const char *stream;
    struct buf partial; /* the line that has no end yet */
    json_t *events;
    size_t bytes; /* of the events' text */
    int64_t due_ms;
    int64_t lost; /* lines dropped because too many waited */
    bool remade;  /* the stream was gone, and was made again */
};

int build_log_open(struct build_log *log, struct aws_client *client, const char *group,
                   const char *stream) MUST_USE;
void build_log_close(struct build_log *log); /* CLEANUP-able on a zeroed one */
/* One line of our own, with the time. */
void build_log_say(struct build_log *log, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* `log` is a struct build_log. */
void build_log_bytes(void *log, const char *bytes, size_t len);
int64_t build_log_due_ms(void *log);
void build_log_flush(void *log);
/* Ends the last line. What waits, when one report can carry it all: the log's own; NULL: nothing, or too
 * much. */
json_t *build_log_last(struct build_log *log);
/* That was carried. */
void build_log_carried(struct build_log *log);
/* Ends the last line and sends all; true when something is still to be sent. */
bool build_log_finish(struct build_log *log);
