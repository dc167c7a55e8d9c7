/* The commands' entry points, for main.c's table, and what two of them share. */
#pragma once

#include <stddef.h>

struct cli;

int push_main(int argc, char **argv);
int status_main(int argc, char **argv);
int watch_main(int argc, char **argv);
int approve_main(int argc, char **argv);
int explain_main(int argc, char **argv);
int history_main(int argc, char **argv);
int reject_main(int argc, char **argv);
int retry_main(int argc, char **argv);
int rollback_main(int argc, char **argv);
int freeze_main(int argc, char **argv);
int thaw_main(int argc, char **argv);
int freezes_main(int argc, char **argv);
int override_main(int argc, char **argv);
int stop_main(int argc, char **argv);
int notifications_main(int argc, char **argv);
int logs_main(int argc, char **argv);
int teardown_main(int argc, char **argv);
int catalog_main(int argc, char **argv);
int template_main(int argc, char **argv);
int backup_main(int argc, char **argv);
int restore_main(int argc, char **argv);
int bucket_main(int argc, char **argv);
int account_main(int argc, char **argv);

/* ACCOUNT/APP/BRANCH/latest.zip, checked; `account` NULL: the credentials' own (push.c). 0 or a printed exit
 * status. */
int well_known_key(struct cli *cli, const char *account, const char *app, const char *branch, char *ret,
                   size_t size);
