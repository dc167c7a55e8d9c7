/* The server's inside, composed: database, services, dispatcher, listener. */
#pragma once

#include "base/base.h"
#include "http/server.h"
#include "services/service.h"

struct house;

struct house_config {
    const char *data_dir; /* exists */
    const char *const *listen;
    uint16_t port;
    const char *tls_cert_file;
    const char *tls_key_file;
    const char *endpoint_url; /* NULL: of the first address and the port */
    int64_t retain_ms;        /* platform's, as the next */
    int64_t scrub_bytes_per_s;
    const char *const *encryption_key_files; /* keyring's; NULL-terminated */
    bool first_accounts;                     /* false: a database without accounts stays so (tests) */
};

#define HOUSE_E_REFUSED                                                                                      \
    1 /* said why on standard error: the data folder is in use or newer, the port is taken, a key is no key  \
         or missing */

int house_open(const struct house_config *config, struct house **ret) MUST_USE;
/* Finishes requests for at most grace_ms. */
void house_close(struct house **house, int64_t grace_ms);
const struct platform *house_platform(const struct house *house);
uint16_t house_port(const struct house *house);
