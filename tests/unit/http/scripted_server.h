/* A server whose answers a test writes beforehand, and which remembers what it was asked. */
#pragma once

#include "http/server.h"
#include <pthread.h>

#define SCRIPT_MAX 16

struct scripted_answer {
    unsigned status;        /* 0: the connection is cut instead */
    const char *body;       /* NULL: none */
    const char *headers[5]; /* name, value, name, value */
    bool hang;              /* parked until the server stops */
};

struct scripted_request {
    char method[16];
    char target[512];
    char headers[4096]; /* "name: value\n", names in lower case */
    char body[4096];
    size_t body_len;
};

struct scripted_server {
    const struct scripted_answer *answers; /* in order; the last is repeated */
    size_t answer_count;
    struct scripted_request requests[SCRIPT_MAX];
    size_t request_count;
    pthread_mutex_t lock;
    struct http_server *http;
    char url[64];
};

void scripted_start(struct scripted_server *server, const struct scripted_answer *answers, size_t count);
void scripted_stop(struct scripted_server *server);
/* The value of a remembered request's header, or "". The answer is good until the next call. */
const char *scripted_header(const struct scripted_request *request, const char *name);
