/* HTTP requests, by libcurl unless direct.c serves them. Each handle keeps its own connections; handles not
 * in use wait in a list, the latest used first, so that there are as many as requests were ever under way at
 * once. */
#include "http/client.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "http/direct.h"
#include <curl/curl.h>
#include <pthread.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 10000
#define IDLE_HANDLES_MAX 256
#define STALLED_S 120L
#define LOOK_MS 1000 /* how soon a wish to give up is seen */

/* A multi handle each: its connections, and one transfer at a time. */
struct handle {
    CURL *curl;
    CURLM *multi;
    struct handle *next;
};

struct http_client {
    pthread_mutex_t lock;
    struct handle *idle;
    size_t idle_count;
    struct direct_pool direct;
};

/* One exchange under way: what libcurl's callbacks work on. */
struct http_sending {
    struct http_exchange *exchange;
    struct direct *direct; /* without a handle; then nothing else is used */
    struct http_client *client;
    struct handle *handle;
    struct curl_slist *headers;
    off_t body_offset;
    int64_t sunk_bytes;
    bool over;
    int error; /* why a callback stopped it; 0: none */
};

int http_client_new(struct http_client **ret)
{
    struct http_client *client = mem_alloc(sizeof(*client));

    if (!client)
        return FAULT(ENOMEM);
    pthread_mutex_init(&client->lock, NULL);
    direct_pool_init(&client->direct);
    *ret = client;
    return 0;
}

static void handle_free(struct handle *handle)
{
    if (handle->curl)
        curl_easy_cleanup(handle->curl);
    if (handle->multi)
        curl_multi_cleanup(handle->multi);
    free(handle);
}

void http_client_free(struct http_client **client)
{
    if (!*client)
        return;
    while ((*client)->idle) {
        struct handle *next = (*client)->idle->next;

        handle_free((*client)->idle);
        (*client)->idle = next;
    }
    direct_pool_deinit(&(*client)->direct);
    pthread_mutex_destroy(&(*client)->lock);
    free(*client);
    *client = NULL;
}

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* libcurl is started with the first: who asks his own machine alone has no memory of it. */
static int handle_new(struct handle **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct handle *handle = mem_alloc(sizeof(*handle));

    if (!handle)
        return FAULT(ENOMEM);
    pthread_once(&once, curl_start);
    handle->curl = curl_easy_init();
    handle->multi = curl_multi_init();
    if (!handle->curl || !handle->multi) {
        handle_free(handle);
        return FAULT(ENOMEM);
    }
    *ret = handle;
    return 0;
}

static int handle_borrow(struct http_client *client, struct handle **ret)
{
    struct handle *handle;

    pthread_mutex_lock(&client->lock);
    handle = client->idle;
    if (handle) {
        client->idle = handle->next;
        client->idle_count--;
    }
    pthread_mutex_unlock(&client->lock);
    if (!handle)
        return handle_new(ret);
    *ret = handle;
    return 0;
}

/* Keeps the handle's connections for the next request. */
static void handle_return(struct http_client *client, struct handle *handle)
{
    bool kept = false;

    curl_easy_reset(handle->curl);
    pthread_mutex_lock(&client->lock);
    if (client->idle_count < IDLE_HANDLES_MAX) {
        handle->next = client->idle;
        client->idle = handle;
        client->idle_count++;
        kept = true;
    }
    pthread_mutex_unlock(&client->lock);
    if (!kept)
        handle_free(handle);
}

static bool cancelled(const struct http_exchange *exchange)
{
    return exchange->cancel && __atomic_load_n(exchange->cancel, __ATOMIC_ACQUIRE);
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct http_sending *sending = ctx;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return cancelled(sending->exchange) ? 1 : 0;
}

/* A connection must not reach the programs that this process starts. */
static curl_socket_t on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)ctx;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Called when there is a connection and the request is about to go out. */
static int on_request(void *ctx, char *local, char *peer, int local_port, int peer_port)
{
    struct http_sending *sending = ctx;

    (void)local;
    (void)peer;
    (void)local_port;
    (void)peer_port;
    sending->exchange->sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body_wanted(char *bytes, size_t size, size_t count, void *ctx)
{
    struct http_sending *sending = ctx;
    int64_t left = sending->exchange->body_len - sending->body_offset;
    size_t want = size * count;
    ssize_t got;

    if ((int64_t)want > left)
        want = (size_t)left;
    if (want == 0)
        return 0;
    do
        got = pread(sending->exchange->body_fd, bytes, want, sending->body_offset);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        sending->error = FAULT(got < 0 ? errno : EIO); /* the file is shorter than was said */
        return CURL_READFUNC_ABORT;
    }
    sending->body_offset += got;
    return (size_t)got;
}

static int on_body_rewind(void *ctx, curl_off_t offset, int origin)
{
    struct http_sending *sending = ctx;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    sending->body_offset = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct http_sending *sending = ctx;
    struct buf *headers = &sending->exchange->raw_headers;
    struct str line = {bytes, size * count};

    if (str_starts(line, STR("HTTP/"))) { /* of an interim answer before this one nothing is kept */
        buf_reset(headers);
        return line.len;
    }
    if (buf_put_str(headers, line) != 0) {
        sending->error = buf_error(headers) == -EMSGSIZE ? FAULT(EFBIG) : buf_error(headers);
        return 0;
    }
    return line.len;
}

static bool goes_to_sink(const struct http_sending *sending)
{
    long status = 0;

    curl_easy_getinfo(sending->handle->curl, CURLINFO_RESPONSE_CODE, &status);
    return sending->exchange->sink_fd >= 0 && status >= 200 && status < 300;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *ctx)
{
    struct http_sending *sending = ctx;
    struct http_exchange *exchange = sending->exchange;
    size_t len = size * count;

    if (!goes_to_sink(sending)) {
        if (buf_put(&exchange->answer, bytes, len) != 0)
            sending->error = buf_error(&exchange->answer) == -EMSGSIZE ? FAULT(EFBIG) : FAULT(ENOMEM);
        return sending->error ? 0 : len;
    }
    sending->sunk_bytes += (int64_t)len;
    if (sending->sunk_bytes > exchange->sink_max)
        sending->error = FAULT(EFBIG);
    else
        sending->error = io_write_all(exchange->sink_fd, bytes, len);
    return sending->error ? 0 : len;
}

static int add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer)
        return FAULT(ENOMEM);
    *list = longer;
    return 0;
}

/* libcurl wants "Name: value", and "Name;" for an empty value. */
static int list_headers(const struct http_exchange *exchange, struct curl_slist **ret)
{
    static const char *const unwanted[] = {"Expect:", "Transfer-Encoding:"};
    struct str type = header_find(exchange->headers, exchange->header_count, "content-type");
    int r = 0;

    for (size_t i = 0; i < exchange->header_count && r == 0; i++) {
        CLEANUP(buf_free) struct buf line = BUF_INIT(1 << 20);
        struct str value = str_trim(exchange->headers[i].value);

        buf_put_str(&line, exchange->headers[i].name);
        buf_puts(&line, value.len > 0 ? ": " : ";");
        buf_put_str(&line, value);
        r = buf_error(&line);
        if (r == 0 && memchr(line.ptr, '\n', line.len))
            r = FAULT(EINVAL);
        if (r == 0)
            r = add_line(ret, line.ptr);
    }
    for (size_t i = 0; i < ARRAY_LEN(unwanted) && r == 0; i++)
        r = add_line(ret, unwanted[i]);
    if (r == 0 && !type.ptr)
        r = add_line(ret, "Content-Type:");
    return r;
}

bool http_url_ok(const char *url)
{
    struct str rest = str_of(url);
    const struct str schemes[] = {STR("http://"), STR("https://")};

    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        if (str_starts(rest, schemes[i]))
            return url[schemes[i].len] && !strchr("/:?#", url[schemes[i].len]) && !strpbrk(url, " \t\r\n");
    return false;
}

bool http_is_loopback(const char *url)
{
    static const char *const hosts[] = {"://127.", "://localhost", "://[::1]"};

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (strstr(url, hosts[i]))
            return true;
    return false;
}

static void set_body(CURL *curl, struct http_sending *sending)
{
    const struct http_exchange *exchange = sending->exchange;
    bool may_carry = strcmp(exchange->method, "PUT") == 0 || strcmp(exchange->method, "POST") == 0;

    if (exchange->body_fd >= 0) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->body_len);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_body_wanted);
        curl_easy_setopt(curl, CURLOPT_READDATA, sending);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_body_rewind);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, sending);
        curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
    } else if (exchange->body.len > 0 || may_carry) { /* headers and a short body leave in one packet */
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)exchange->body.len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, exchange->body.len > 0 ? exchange->body.ptr : "");
    }
    if (strcmp(exchange->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, exchange->method);
}

static int64_t timeout_of(const struct http_exchange *exchange)
{
    return exchange->timeout_ms > 0 ? exchange->timeout_ms : DEFAULT_TIMEOUT_MS;
}

static void set_options(CURL *curl, struct http_sending *sending, struct curl_slist *headers)
{
    const struct http_exchange *exchange = sending->exchange;

    curl_easy_setopt(curl, CURLOPT_URL, exchange->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "slipway/" SLIPWAY_VERSION);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    const char *bundle = getenv("AWS_CA_BUNDLE");
    if (bundle && *bundle)
        curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    if (exchange->sink_fd >= 0) /* one of its own for each transfer: small ones would pay for it */
        curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 262144L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_of(exchange));
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_S);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, sending);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, sending);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, sending);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, sending);
    if (http_is_loopback(exchange->url))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    set_body(curl, sending);
}

static int fault_of(CURLcode code)
{
    static const struct {
        CURLcode code;
        int error;
    } faults[] = {
        {CURLE_COULDNT_CONNECT, ECONNREFUSED},
        {CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH},
        {CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH},
        {CURLE_OPERATION_TIMEDOUT, ETIMEDOUT},
        {CURLE_ABORTED_BY_CALLBACK, ECANCELED},
        {CURLE_OUT_OF_MEMORY, ENOMEM},
        {CURLE_URL_MALFORMAT, EINVAL},
        {CURLE_UNSUPPORTED_PROTOCOL, EINVAL},
        {CURLE_PEER_FAILED_VERIFICATION, EACCES},
        {CURLE_SSL_CONNECT_ERROR, EPROTO},
    };

    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        if (faults[i].code == code)
            return FAULT(faults[i].error);
    return FAULT(EIO);
}

static void sending_free(struct http_sending *sending)
{
    curl_slist_free_all(sending->headers);
    if (sending->handle)
        handle_return(sending->client, sending->handle);
    free(sending);
}

/* Goes on with it as far as it goes without waiting. */
static int drive(struct http_sending *sending)
{
    int running = 0;
    CURLMcode code = curl_multi_perform(sending->handle->multi, &running);

    sending->over = running == 0;
    return code == CURLM_OK ? 0 : FAULT(code == CURLM_OUT_OF_MEMORY ? ENOMEM : EIO);
}

/* The outcome of one that is over. */
static int outcome(const struct http_sending *sending)
{
    int left = 0;
    const CURLMsg *message = curl_multi_info_read(sending->handle->multi, &left);
    long status = 0;

    if (!message || message->msg != CURLMSG_DONE)
        return FAULT(EIO);
    if (message->data.result != CURLE_OK)
        return sending->error ? sending->error : fault_of(message->data.result);
    curl_easy_getinfo(sending->handle->curl, CURLINFO_RESPONSE_CODE, &status);
    sending->exchange->status = (unsigned)status;
    return 0;
}

static int start(struct http_sending *sending)
{
    int r = handle_borrow(sending->client, &sending->handle);

    if (r == 0)
        r = list_headers(sending->exchange, &sending->headers);
    if (r != 0)
        return r;
    assert(sending->handle);
    set_options(sending->handle->curl, sending, sending->headers);
    if (curl_multi_add_handle(sending->handle->multi, sending->handle->curl) != CURLM_OK)
        return FAULT(ENOMEM);
    r = drive(sending);
    if (r != 0)
        curl_multi_remove_handle(sending->handle->multi, sending->handle->curl);
    return r;
}

int http_begin(struct http_client *client, struct http_exchange *exchange)
{
    struct http_sending *sending;
    int r;

    buf_reset(&exchange->answer);
    buf_reset(&exchange->raw_headers);
    exchange->status = 0;
    exchange->sent = false;
    if (cancelled(exchange))
        return FAULT(ECANCELED);
    sending = mem_alloc(sizeof(*sending));
    if (!sending)
        return FAULT(ENOMEM);
    *sending = (struct http_sending){.exchange = exchange, .client = client};
    r = direct_serves(exchange)
            ? direct_begin(&client->direct, exchange, timeout_of(exchange), &sending->direct)
            : start(sending);
    if (r != 0)
        sending_free(sending);
    else
        exchange->sending = sending;
    return r;
}

static int finish(struct http_sending *sending)
{
    int r = 0;

    while (r == 0 && !sending->over) {
        if (curl_multi_poll(sending->handle->multi, NULL, 0, LOOK_MS, NULL) != CURLM_OK)
            r = FAULT(EIO);
        if (r == 0)
            r = drive(sending);
    }
    if (r == 0)
        r = outcome(sending);
    curl_multi_remove_handle(sending->handle->multi, sending->handle->curl);
    return r;
}

int http_end(struct http_exchange *exchange)
{
    struct http_sending *sending = take(exchange->sending);
    int r = sending->handle ? finish(sending) : direct_end(sending->direct);

    sending_free(sending);
    return r;
}

void http_drop(struct http_exchange *exchange)
{
    int r = exchange->sending ? http_end(exchange) : 0;

    if (r < 0)
        log_debug("http", "an answer that nobody wants: %s", strerror(-r));
}

int http_exchange(struct http_client *client, struct http_exchange *exchange)
{
    int r = http_begin(client, exchange);

    return r == 0 ? http_end(exchange) : r;
}

struct str http_exchange_header(const struct http_exchange *exchange, const char *name)
{
    struct str rest = buf_str(&exchange->raw_headers);

    while (rest.ptr) {
        struct str value = str_split(&rest, '\n');
        struct str found = str_trim(str_split(&value, ':'));

        if (value.ptr && str_eq_nocase(found, str_of(name)))
            return str_trim(value);
    }
    return (struct str){NULL, 0};
}
