/* What the files of db/ share about an open database and a transaction. */
#pragma once

#include "base/base.h"
#include "db/checkpoint.h"
#include "db/conn.h"
#include "db/db.h"
#include "db/writer.h"
#include <pthread.h>

#define READERS_KEPT 8 /* idle reader connections; more are opened when needed and closed after */

struct db {
    char *path;
    bool at_once; /* nothing is left for later */
    struct writer *writer;
    struct checkpoint *checkpoint;
    pthread_mutex_t readers_lock;
    struct conn *readers[READERS_KEPT]; /* a stack: the hottest cache is used first */
    size_t readers_idle;
};

struct topic {
    struct topic *next;
    bool soon; /* as soon as others see the work, instead of when it is durable */
    char name[];
};

struct tx {
    struct db *db;
    struct conn *conn;
    bool turn;              /* has the writer's turn, and works on its connection */
    bool writes;            /* may */
    struct group *until;    /* of a look: what is to be durable before it is told; a reference, or NULL */
    struct touched touched; /* as it says itself */
    bool touches_no_more;
    struct db_later durable; /* db_commit_later's own, which tells `later` */
    struct db_later *later;
    int fault; /* the first one met: the transaction can only be undone */
    int64_t changes;
    unsigned open_rows;
    struct topic *topics; /* to signal once durable */
};

/* Runs SQL of several statements in a write transaction (migrations). */
int tx_run_script(struct tx *tx, const char *sql) MUST_USE;
