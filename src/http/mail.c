/* See mail.h. Text goes as base64, so that any line length and byte arrives. Source: RFC 5321, RFC
 * 5322, RFC 2047. */
#include "http/mail.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "http/client.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 10000
#define HEADER_MAX ((size_t)4096)
#define MESSAGE_MAX ((size_t)8 << 20)
#define BYTES_A_LINE ((size_t)57)

struct sending {
    const struct mail_server *server;
    CURL *curl;
    struct curl_slist *recipients;
    struct buf message; /* as it goes over the wire */
    size_t offset;      /* of it, gone so far */
};

static void sending_deinit(struct sending *sending)
{
    buf_free(&sending->message);
    curl_slist_free_all(sending->recipients);
    if (sending->curl)
        curl_easy_cleanup(sending->curl);
}

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static bool is_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            return false;
    return true;
}

/* Text that is not plain ASCII as an encoded word; quotes are not for it. */
static int put_text(struct buf *out, const char *text, bool quoted)
{
    CLEANUP(free_ptr) char *encoded = NULL;
    size_t len = strlen(text);

    if (is_plain(text) && !(quoted && strpbrk(text, "\"\\")))
        return buf_printf(out, quoted ? "\"%s\"" : "%s", text);
    encoded = malloc(4 * ((len + 2) / 3) + 1);
    if (!encoded)
        return FAULT(ENOMEM);
    base64_encode(text, len, encoded);
    return buf_printf(out, "=?UTF-8?B?%s?=", encoded);
}

static int put_header(struct sending *sending, const char *name, const char *text)
{
    struct buf *out = &sending->message;
    int r = buf_printf(out, "%s: ", name);

    if (r == 0)
        r = put_text(out, text, false);
    if (r == 0)
        r = buf_puts(out, "\r\n");
    return r ? FAULT(r) : 0;
}

static int put_from(struct sending *sending, const struct mail *mail)
{
    struct buf *out = &sending->message;
    int r = buf_puts(out, "From: ");

    if (r == 0 && mail->from_name && *mail->from_name) {
        r = put_text(out, mail->from_name, true);
        buf_putc(out, ' ');
    }
    if (r == 0)
        r = buf_printf(out, "<%s>\r\n", mail->from);
    return r ? FAULT(r) : 0;
}

static int put_date(struct sending *sending)
{
    char text[64];
    time_t now = (time_t)(clock_now_ms() / 1000);
    struct tm tm;

    if (!gmtime_r(&now, &tm) || strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm) == 0)
        return FAULT(EOVERFLOW);
    return put_header(sending, "Date", text);
}

static int put_headers(struct sending *sending, const struct mail *mail)
{
    CLEANUP(buf_free) struct buf id = BUF_INIT(HEADER_MAX);
    const char *at = strrchr(mail->from, '@');
    int r = buf_printf(&id, "<%s%s>", mail->id, at ? at : "@slipway");

    if (r == 0)
        r = put_date(sending);
    if (r == 0)
        r = put_from(sending, mail);
    if (r == 0)
        r = put_header(sending, "To", mail->to);
    if (r == 0)
        r = put_header(sending, "Subject", mail->subject);
    if (r == 0)
        r = put_header(sending, "Message-ID", id.ptr);
    return r ? r : put_header(sending, "Auto-Submitted", "auto-generated");
}

/* The text in lines of 76. */
static int put_content(struct sending *sending, const struct mail *mail)
{
    char line[4 * BYTES_A_LINE / 3 + 1];
    int r = put_header(sending, "MIME-Version", "1.0");

    if (r == 0)
        r = put_header(sending, "Content-Type",
                       mail->content_type ? mail->content_type : "text/plain; charset=UTF-8");
    if (r == 0)
        r = put_header(sending, "Content-Transfer-Encoding", "base64");
    if (r == 0)
        r = buf_puts(&sending->message, "\r\n");
    for (size_t at = 0; r == 0 && at < mail->text.len; at += BYTES_A_LINE) {
        size_t left = mail->text.len - at;

        base64_encode(mail->text.ptr + at, left < BYTES_A_LINE ? left : BYTES_A_LINE, line);
        r = buf_printf(&sending->message, "%s\r\n", line);
    }
    return r;
}

static size_t on_wanted(char *bytes, size_t size, size_t count, void *ctx)
{
    struct sending *sending = ctx;
    size_t left = sending->message.len - sending->offset, len = size * count < left ? size * count : left;

    memcpy(bytes, sending->message.ptr + sending->offset, len);
    sending->offset += len;
    return len;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const struct sending *sending = ctx;
    const bool *cancel = sending->server->cancel;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return cancel && __atomic_load_n(cancel, __ATOMIC_ACQUIRE) ? 1 : 0;
}

static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)ctx;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_options(struct sending *sending, const struct mail *mail)
{
    const struct mail_server *server = sending->server;
    CURL *curl = sending->curl;
    const char *bundle = getenv("AWS_CA_BUNDLE");
    bool must = server->user && !http_is_loopback(server->url);

    curl_easy_setopt(curl, CURLOPT_URL, server->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(must ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    if (bundle && *bundle)
        curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
    if (server->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, server->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, server->password);
    }
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, sending->recipients);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_wanted);
    curl_easy_setopt(curl, CURLOPT_READDATA, sending);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS,
                     (long)(server->timeout_ms > 0 ? server->timeout_ms : TIMEOUT_MS));
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, sending);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
}

static int outcome(CURLcode code, unsigned status, const char *url, struct reason *why)
{
    bool refused = status >= 500 || code == CURLE_LOGIN_DENIED || code == CURLE_URL_MALFORMAT ||
                   code == CURLE_UNSUPPORTED_PROTOCOL;

    if (code == CURLE_OK)
        return 0;
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return FAULT(ECANCELED);
    if (code == CURLE_OUT_OF_MEMORY)
        return FAULT(ENOMEM);
    return reason_set(why, refused ? MAIL_E_REFUSED : MAIL_E_RETRY,
                      "The mail server %s did not take it: %s%s%.0u", url, curl_easy_strerror(code),
                      status ? ", reply " : "", status);
}

int mail_send(const struct mail_server *server, const struct mail *mail, unsigned *ret_status,
              struct reason *why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    CLEANUP(sending_deinit) struct sending sending = {.server = server, .message = BUF_INIT(MESSAGE_MAX)};
    CURLcode code;
    long status = 0;
    int r;

    *ret_status = 0;
    pthread_once(&once, curl_start);
    sending.curl = curl_easy_init();
    r = sending.curl ? put_headers(&sending, mail) : FAULT(ENOMEM);
    if (r == 0)
        r = put_content(&sending, mail);
    if (r)
        return r;
    sending.recipients = curl_slist_append(NULL, mail->to);
    if (!sending.recipients)
        return FAULT(ENOMEM);
    set_options(&sending, mail);
    code = curl_easy_perform(sending.curl);
    curl_easy_getinfo(sending.curl, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (unsigned)status;
    return outcome(code, (unsigned)status, server->url, why);
}

bool mail_url_ok(const char *url)
{
    struct str text = str_of(url);

    return str_glob(STR("smtp://?*"), text) || str_glob(STR("smtps://?*"), text);
}
