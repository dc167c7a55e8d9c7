/* HTTP requests by libcurl. Each easy handle keeps its own connections; handles not in use wait in a list,
 * the latest used first, so that there are as many as requests were ever under way at once. */
#include "http/client.h"
#include "base/io.h"
#include "base/mem.h"
#include <curl/curl.h>
#include <pthread.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 10000
#define IDLE_HANDLES_MAX 256
#define STALLED_S 120L

struct handle {
    CURL *curl;
    struct handle *next;
};

struct http_client {
    pthread_mutex_t lock;
    struct handle *idle;
    size_t idle_count;
};

/* One exchange under way: what libcurl's callbacks work on. */
struct transfer {
    struct http_exchange *exchange;
    CURL *curl;
    off_t body_offset;
    int64_t sunk_bytes;
    int error; /* why a callback stopped it; 0: none */
};

static void curl_start(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_client_new(struct http_client **ret)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *client = mem_alloc(sizeof(*client));

    if (!client)
        return FAULT(ENOMEM);
    pthread_once(&once, curl_start);
    pthread_mutex_init(&client->lock, NULL);
    *ret = client;
    return 0;
}

static void handle_free(struct handle *handle)
{
    curl_easy_cleanup(handle->curl);
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
    pthread_mutex_destroy(&(*client)->lock);
    free(*client);
    *client = NULL;
}

static int handle_borrow(struct http_client *client, struct handle **ret)
{
    struct handle *handle = NULL;

    pthread_mutex_lock(&client->lock);
    handle = client->idle;
    if (handle) {
        client->idle = handle->next;
        client->idle_count--;
    }
    pthread_mutex_unlock(&client->lock);
    if (!handle) {
        handle = mem_alloc(sizeof(*handle));
        if (!handle)
            return FAULT(ENOMEM);
        handle->curl = curl_easy_init();
        if (!handle->curl) {
            free(handle);
            return FAULT(ENOMEM);
        }
    }
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
    struct transfer *transfer = ctx;

    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return cancelled(transfer->exchange) ? 1 : 0;
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
    struct transfer *transfer = ctx;

    (void)local;
    (void)peer;
    (void)local_port;
    (void)peer_port;
    transfer->exchange->sent = true;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body_wanted(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    int64_t left = transfer->exchange->body_len - transfer->body_offset;
    size_t want = size * count;
    ssize_t got;

    if ((int64_t)want > left)
        want = (size_t)left;
    if (want == 0)
        return 0;
    do
        got = pread(transfer->exchange->body_fd, bytes, want, transfer->body_offset);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        transfer->error = FAULT(got < 0 ? errno : EIO); /* the file is shorter than was said */
        return CURL_READFUNC_ABORT;
    }
    transfer->body_offset += got;
    return (size_t)got;
}

static int on_body_rewind(void *ctx, curl_off_t offset, int origin)
{
    struct transfer *transfer = ctx;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    transfer->body_offset = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct buf *headers = &transfer->exchange->raw_headers;
    struct str line = {bytes, size * count};

    if (str_starts(line, STR("HTTP/"))) { /* of an interim answer before this one nothing is kept */
        buf_reset(headers);
        return line.len;
    }
    if (buf_put_str(headers, line) != 0) {
        transfer->error = buf_error(headers) == -EMSGSIZE ? FAULT(EFBIG) : buf_error(headers);
        return 0;
    }
    return line.len;
}

static bool goes_to_sink(const struct transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
    return transfer->exchange->sink_fd >= 0 && status >= 200 && status < 300;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    struct http_exchange *exchange = transfer->exchange;
    size_t len = size * count;

    if (!goes_to_sink(transfer)) {
        if (buf_put(&exchange->answer, bytes, len) != 0)
            transfer->error = buf_error(&exchange->answer) == -EMSGSIZE ? FAULT(EFBIG) : FAULT(ENOMEM);
        return transfer->error ? 0 : len;
    }
    transfer->sunk_bytes += (int64_t)len;
    if (transfer->sunk_bytes > exchange->sink_max)
        transfer->error = FAULT(EFBIG);
    else
        transfer->error = io_write_all(exchange->sink_fd, bytes, len);
    return transfer->error ? 0 : len;
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

bool http_is_loopback(const char *url)
{
    static const char *const hosts[] = {"://127.", "://localhost", "://[::1]"};

    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (strstr(url, hosts[i]))
            return true;
    return false;
}

static void set_body(CURL *curl, struct transfer *transfer)
{
    const struct http_exchange *exchange = transfer->exchange;
    bool may_carry = strcmp(exchange->method, "PUT") == 0 || strcmp(exchange->method, "POST") == 0;

    if (exchange->body_fd >= 0) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)exchange->body_len);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_body_wanted);
        curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_body_rewind);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer);
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

static void set_options(CURL *curl, struct transfer *transfer, struct curl_slist *headers)
{
    const struct http_exchange *exchange = transfer->exchange;
    int64_t timeout_ms = exchange->timeout_ms > 0 ? exchange->timeout_ms : DEFAULT_TIMEOUT_MS;

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
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALLED_S);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    if (http_is_loopback(exchange->url))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    set_body(curl, transfer);
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
    };

    for (size_t i = 0; i < ARRAY_LEN(faults); i++)
        if (faults[i].code == code)
            return FAULT(faults[i].error);
    return FAULT(EIO);
}

int http_exchange(struct http_client *client, struct http_exchange *exchange)
{
    struct transfer transfer = {.exchange = exchange};
    struct curl_slist *headers = NULL;
    struct handle *handle = NULL;
    long status = 0;
    int r;

    buf_reset(&exchange->answer);
    buf_reset(&exchange->raw_headers);
    exchange->status = 0;
    exchange->sent = false;
    if (cancelled(exchange))
        return FAULT(ECANCELED);
    r = handle_borrow(client, &handle);
    if (r != 0)
        return r;
    transfer.curl = handle->curl;
    r = list_headers(exchange, &headers);
    if (r == 0) {
        CURLcode code;

        set_options(handle->curl, &transfer, headers);
        code = curl_easy_perform(handle->curl);
        curl_easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &status);
        if (code != CURLE_OK)
            r = transfer.error ? transfer.error : fault_of(code);
        else
            exchange->status = (unsigned)status;
    }
    handle_return(client, handle);
    curl_slist_free_all(headers);
    return r;
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
