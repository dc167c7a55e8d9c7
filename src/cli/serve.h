/* `slipway serve`: every service on one listener, and the workers, supervised, as processes below it. */
#pragma once

int serve_main(int argc, char **argv);
