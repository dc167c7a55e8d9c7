/* One SQLite connection with its prepared statements. Used by one thread at a time. */
#pragma once

#include "base/base.h"
#include <sqlite3.h>

#define CONN_MAX_PARAMETERS 64

struct conn;

struct stmt {
    const char *sql; /* the literal: its address is the cache's key */
    sqlite3_stmt *handle;
    bool busy;
    bool cached;
    bool of_rows;  /* INSERT, UPDATE or DELETE: whoever changes no row has done nothing */
    uint64_t used; /* for the least recently used */
    unsigned parameters;
    unsigned char index[CONN_MAX_PARAMETERS]; /* SQLite's index of $1, $2 … */
};

struct conn_options {
    int cache_kib;
    bool writes;
};

int conn_open(const char *path, struct conn_options options, struct conn **ret) MUST_USE;
void conn_close(struct conn **conn); /* CLEANUP-able; no statement may be busy */
sqlite3 *conn_handle(struct conn *conn);
/* A statement of its own, outside of the cache; `sql` is kept by address. */
int stmt_new(struct conn *conn, const char *sql, struct stmt **ret) MUST_USE;
void stmt_free(struct stmt **stmt); /* CLEANUP-able */
/* A ready statement, marked busy until conn_release. */
int conn_prepare(struct conn *conn, const char *sql, struct stmt **ret) MUST_USE;
void conn_release(struct stmt *stmt);
/* Runs a cached statement without parameters and rows. */
int conn_run(struct conn *conn, const char *sql) MUST_USE;
/* The fault (or DB_EXISTS) that SQLite's result code means; never 0. */
int conn_fault(struct conn *conn, int rc, const char *sql);
