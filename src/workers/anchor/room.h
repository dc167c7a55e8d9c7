/* Rooms: where builds' commands run. Each is a folder of its own on this machine and a shell in it that waits
 * to be told what it is for. An anchor that builds keeps some ready, made while nobody waited for them, and
 * tidies up behind builds when they have been reported. No room is used twice, but its folders can be,
 * emptied and with other names: those of a sandbox where nobody can hold them any more, those without one
 * when no process has its working folder there. */
#pragma once

#include "workers/anchor/session.h"
#include "workers/anchor/wing.h"

struct rooms;

struct room {
    struct plot plot;        /* its folders on this machine */
    struct session *session; /* opened for "sh", not entered; NULL: it does not start */
    struct room *next;
};

/* `work_dir` and `sandbox` (NULL: none) outlive it. */
int rooms_new(const char *work_dir, struct sandbox *sandbox, struct rooms **ret) MUST_USE;
void rooms_free(struct rooms **rooms);
/* A ready one, or one made now. */
int rooms_take(struct rooms *rooms, struct room **ret) MUST_USE;
/* It is removed soon, or at once where many are to be; its shell, if it was not taken, ends now. */
void rooms_give(struct rooms *rooms, struct room **room);
/* Opens a room's shell; `shell` and `envp` are session_spec's. */
int room_open(const struct room *room, struct sandbox *sandbox, const char *shell, const char *const *envp,
              struct session **ret, struct reason *why) MUST_USE;
/* The source folder as the shell sees it. */
const char *room_source_inside(const struct room *room, const struct sandbox *sandbox);
