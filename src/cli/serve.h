/* `slipway serve`: every service on one listener, and the workers as supervised child processes. */
#pragma once

int serve_main(int argc, char **argv);
