/* Mail to the outside by SMTP (libcurl): one message to one recipient, blocking. */
#pragma once

#include "base/base.h"
#include "base/reason.h"

struct mail_server {
    const char *url;  /* "smtp://host:port" (STARTTLS where it is offered), "smtps://host" */
    const char *user; /* NULL: none; then TLS is needed, but for a loopback address */
    const char *password;
    int64_t timeout_ms; /* whole exchange; 0: 60 s */
    const bool *cancel; /* as http_exchange's */
};

struct mail {
    const char *from;      /* addresses */
    const char *from_name; /* NULL or "": none */
    const char *to;
    const char *subject;
    struct str text;          /* UTF-8 */
    const char *content_type; /* NULL: text/plain */
    const char *id;           /* of Message-ID */
};

#define MAIL_E_RETRY 1   /* not now: unreachable, or a 4xx reply */
#define MAIL_E_REFUSED 2 /* a 5xx reply, or wrong credentials */

/* *ret_status: the server's last reply code, 0: none. -ECANCELED when given up. */
int mail_send(const struct mail_server *server, const struct mail *mail, unsigned *ret_status,
              struct reason *why) MUST_USE;
/* True for an URL that mail_send takes. */
bool mail_url_ok(const char *url);
