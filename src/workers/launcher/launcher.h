/* The launcher: from an artifact's arrival to a running pipeline, and from a zero-byte artifact to nothing.
 * It runs with the credentials of the shared-services account. */
#pragma once

/* `slipway launcher [--help] [--endpoint-url URL] [--account ID] [--profile NAME] [--jobs N]
 * [--exit-with-parent P]`; keys from AWS_*. argv[0] is the subcommand's name. Exit status: 0 stopped, 1
 * fault, 2 usage, 3 credentials refused. */
int launcher_main(int argc, char **argv);
