/* HTTP requests to the outside (libcurl): blocking, connection-reusing, bounded. */
#pragma once

#include "base/base.h"
#include "base/buf.h"
#include "wire/header.h"

struct http_client; /* a pool of connections; thread-safe */

struct http_exchange {
    /* in */
    const char *method;
    const char *url;
    const struct http_header *headers;
    size_t header_count;
    struct str body; /* bytes to send; or: */
    int body_fd;     /* -1: `body`; else body_len bytes are read from its start */
    int64_t body_len;
    int sink_fd;        /* -1: the answer goes to `answer`; else a 2xx answer's body is written there */
    int64_t sink_max;   /* bytes at most; more: -EFBIG */
    int64_t timeout_ms; /* whole exchange; 0: 60 s */
    const bool *cancel; /* NULL, or set to true by another thread to give up (-ECANCELED) within a second */
    /* out */
    struct buf answer;      /* BUF_INIT(max) by the caller */
    struct buf raw_headers; /* "Name: value\r\n" lines; BUF_INIT(64 KiB) by the caller */
    unsigned status;
    bool sent; /* something of the request may have reached the other side, also when the exchange failed */
    struct http_sending *sending; /* of http_begin to http_end; NULL: none */
};

int http_client_new(struct http_client **ret) MUST_USE;
void http_client_free(struct http_client **client);
/* Certificates are trusted as the system does, or by the file that AWS_CA_BUNDLE names, as AWS's own clients
 * do. 0 with any status; -EACCES (the certificate is not trusted), -ECONNREFUSED, -EHOSTUNREACH, -ETIMEDOUT,
 * -ECANCELED, -EFBIG, -EIO. */
int http_exchange(struct http_client *client, struct http_exchange *exchange) MUST_USE;
/* The same in two steps: sends as much as goes out at once, which is all of a short request where there is a
 * connection, so that the caller can send more before it waits for the answer. The exchange and what it
 * points at stay as they are until http_end, which must follow where http_begin returned 0. */
int http_begin(struct http_client *client, struct http_exchange *exchange) MUST_USE;
int http_end(struct http_exchange *exchange) MUST_USE;
void http_drop(struct http_exchange *exchange); /* http_end, if it was begun, whatever comes of it */
/* True for an URL of this machine by its loopback address. */
bool http_is_loopback(const char *url);
/* Whether it is http://HOST or https://HOST, with or without a port and a path. */
bool http_url_ok(const char *url);
/* A header of the answer; {NULL,0} when absent. Borrowed from raw_headers. */
struct str http_exchange_header(const struct http_exchange *exchange, const char *name);
