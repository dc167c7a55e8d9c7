/* Long bodies past libmicrohttpd's buffer, straight to where they are wanted. */
#pragma once

#include "base/base.h"

struct http_conn;

/* Of the connection's own thread. */
struct receiving {
    char *place;
    size_t room;   /* 0: there is no place */
    int64_t left;  /* of the body, of which libmicrohttpd has nothing */
    size_t placed; /* that it has been told of */
    bool wanted;   /* by the request */
    bool drained;  /* it takes the socket to be empty, or may */
};

/* A connection without TLS: from its first byte, until before its descriptor is closed. */
void receive_watch(struct http_conn *conn);
void receive_forget(struct http_conn *conn);
/* libmicrohttpd has none of the body's bytes, `left` are to come: where the next of them may go. A `room` of
 * 0: where libmicrohttpd says. */
void receive_at(struct http_conn *conn, void *place, size_t room, int64_t left);
/* Of the bytes that libmicrohttpd tells of, those that are at the place instead, which are the first; the
 * others are where it says. There is no place any more. */
struct str receive_taken(struct http_conn *conn);
