/* The courier: carries SNS's messages to the outside, webhooks and mail, and says what became of them. It
 * runs with the credentials of the shared-services account. */
#pragma once

/* `slipway courier [--help] [--endpoint-url URL] [--profile NAME] [--jobs N] [--cache-dir DIR]
 * [--exit-with-parent P]`; keys from AWS_*, the mail server from SLIPWAY_SMTP_*. argv[0] is the subcommand's
 * name. Exit status: 0 stopped, 1 fault, 2 usage, 3 credentials refused. */
int courier_main(int argc, char **argv);
