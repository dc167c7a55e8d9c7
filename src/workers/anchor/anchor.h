/* The anchor: one account's worker. It takes the jobs and builds of its account, runs them, reports. */
#pragma once

/* `slipway anchor [--help] [--endpoint-url URL] [--account ID] [--profile NAME] [--jobs N] [--cache-dir DIR]
 * [--cache-mib N] [--no-sandbox] [--exit-with-parent P]`; keys from AWS_*. argv[0] is the subcommand's name.
 * Exit status: 0 stopped, 1 fault, 2 usage, 3 credentials refused. */
int anchor_main(int argc, char **argv);
