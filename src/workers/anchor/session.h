/* One shell in one sandbox that runs a build's steps in turn, so that variables and the current folder carry
 * over from command to command. No step is ever on a disk.
 *
 * A shell is opened before it is known what for: it takes longer to start than all else around a step. What
 * the build is it is told when it is entered. */
#pragma once

#include "base/base.h"
#include "base/reason.h"
#include "workers/anchor/sandbox.h"
#include "workers/anchor/seed.h"

struct session;

/* Where output goes while a step runs. */
struct session_output {
    void (*bytes)(void *ctx, const char *bytes, size_t len);
    int64_t (*due_ms)(void *ctx); /* clock_mono_ms at which flush wants to be called; INT64_MAX: never */
    void (*flush)(void *ctx);
    void *ctx;
};

struct session_spec {
    const char *folder; /* sandbox_spec's */
    const char *cwd;
    const char *shell; /* "sh" or "bash" */
    const char *const *envp;
    struct sandbox *sandbox; /* NULL: none */
    struct seed *seed;       /* session_seed's, for a "sh" with its `envp` and no sandbox; NULL: none */
};

struct session_entry {
    const char *const *envp; /* "NAME=value": variables that the shell did not start with */
    int64_t memory_kib;      /* of private writable memory, each process */
    int64_t cpu_s;           /* each process */
    int cancel_fd;           /* becomes readable when the build is cancelled */
};

enum session_outcome {
    SESSION_E_START = 1, /* the sandbox or shell did not start: why */
    SESSION_E_ENDED,     /* the step ended the shell itself (exit, syntax error): *ret_status, open another */
    SESSION_E_TIMEOUT,   /* everything was killed */
    SESSION_E_CANCELLED, /* the same */
};

/* What sessions without a sandbox come from at less cost. */
int session_seed(const char *const *envp, struct seed **ret) MUST_USE;
/* Starts it and does not wait for it: a sandbox takes some milliseconds. */
int session_open(const struct session_spec *spec, struct session **ret, struct reason *why) MUST_USE;
/* Whether a running shell can be told these variables as if it had started with them: all have names that a
 * shell can assign and gives no meaning of its own. */
bool session_can_tell(const char *const *envp);
/* A shell can have a variable of that name (POSIX.1-2017, 3.235). */
bool session_is_name(struct str name);
/* Once, before the first step. SESSION_E_ENDED: the shell is gone. */
int session_enter(struct session *session, const struct session_entry *entry) MUST_USE;
/* Runs one step until it ends or deadline_mono_ms; *ret_status is its exit status. SESSION_E_START: from the
 * first alone. */
int session_step(struct session *session, struct str text, int64_t deadline_mono_ms,
                 const struct session_output *output, int *ret_status, struct reason *why) MUST_USE;
/* Kills what is left. */
void session_free(struct session **session);
