/* What goes between an anchor and its seed, over a SOCK_SEQPACKET pair that is the seed's standard output. To
 * the seed: the folder to be in, with the descriptors 0 to 2 as SCM_RIGHTS. From it: an int32_t, 0 when it is
 * ready and then, for each, the process's id or a negative errno. */
#pragma once

#define SEED_ORDERS 1
#define SEED_IMAGE 3 /* where the library is open when the shell starts */
#define SEED_FDS 3
#define SEED_FOLDER_MAX 4096
