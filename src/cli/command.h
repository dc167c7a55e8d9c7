/* The subcommands of `slipway`: one row each in main.c's table, one file each in cli/ (or the workers' own).
 *
 * `run` gets argv from the subcommand's name on (argv[0] is "serve") and returns the exit status. */
#pragma once

struct command {
    const char *name;    /* "serve"; what follows `slipway` */
    const char *summary; /* one line of `slipway --help`; NULL: no command for people */
    int (*run)(int argc, char **argv);
};

/* Exit statuses that mean the same in every command. */
enum command_exit {
    COMMAND_OK = 0,
    COMMAND_FAILED = 1,      /* it was tried and did not work: the message says why */
    COMMAND_USAGE = 2,       /* the command line is wrong */
    COMMAND_NOT_FOUND = 3,   /* what it names does not exist */
    COMMAND_REFUSED = 4,     /* no or wrong credentials, not allowed, or not confirmed */
    COMMAND_UNREACHABLE = 5, /* no service answered */
};

/* The table's rows, ended by a NULL name (main.c). */
extern const struct command commands[];
