/* The server's listening sockets and its acceptor. */
#pragma once

#include "http/inflight.h"

int listener_open(struct http_listener *listener, const char *const *addresses, uint16_t port,
                  struct reason *why) MUST_USE;
void listener_close(struct http_listener *listener);
/* The acceptor thread: accepts until stop_fd is readable, and cuts off who is too slow. */
void *listener_run(void *server);
/* Cuts all connections that have no whole request under way. */
void cut_unasked(struct http_server *server);
void conn_notify(void *cls, struct MHD_Connection *connection, void **socket_context,
                 enum MHD_ConnectionNotificationCode code);
void conn_phase_set(struct http_conn *conn, enum conn_phase phase);
