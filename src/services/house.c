/* Opens from the bottom up, closes from the top down. */
#include "services/house.h"
#include "base/io.h"
#include "base/mem.h"
#include "services/accounts_file.h"
#include "services/dispatch.h"
#include "services/keyring.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>

#define SERVICES_MAX 32
#define PATH_SIZE 4096

struct house {
    struct platform platform;
    struct keyring *keyring; /* NULL: none */
    char endpoint[512];
    char *data_dir;
    int lock_fd;
    struct db *db;
    struct dispatcher *dispatcher;
    struct http_server *server;
    const struct house_config *config; /* while it opens */
    void *states[SERVICES_MAX];
    bool started[SERVICES_MAX];
};

static int path_in(char path[PATH_SIZE], const char *dir, const char *name)
{
    int len = snprintf(path, PATH_SIZE, "%s/%s", dir, name);
    return len > 0 && len < PATH_SIZE ? 0 : FAULT(ENAMETOOLONG);
}

/* One server to a data folder. */
static int lock_data(struct house *house)
{
    char path[PATH_SIZE];
    int r = path_in(path, house->data_dir, "lock");
    if (r != 0)
        return r;
    house->lock_fd = io_open(path, O_RDWR | O_CREAT, 0600);
    if (house->lock_fd < 0)
        return house->lock_fd;
    if (flock(house->lock_fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return FAULT(errno);
    (void)fprintf(
        stderr, "slipway: another server uses the data folder %s. Stop it, or give --data another folder.\n",
        house->data_dir);
    return HOUSE_E_REFUSED;
}

static int migrate(struct house *house)
{
    struct db_schema schemas[SERVICES_MAX];
    size_t count = 0;
    const char *newer = NULL;
    for (const struct service *const *service = services_all; *service; service++) {
        if ((*service)->migration_count == 0)
            continue;
        assert(count < SERVICES_MAX);
        schemas[count++] =
            (struct db_schema){(*service)->name, (*service)->migrations, (*service)->migration_count};
    }
    int r = db_migrate(house->db, schemas, count, &newer);
    if (r != DB_NEWER)
        return r;
    (void)fprintf(stderr,
                  "slipway: the database in %s was written by a newer Slipway (its %s tables). Start that "
                  "version, or restore a backup made by this one (%s).\n",
                  house->data_dir, newer, SLIPWAY_VERSION);
    return HOUSE_E_REFUSED;
}

static int open_db(struct house *house)
{
    char path[PATH_SIZE];
    int r = path_in(path, house->data_dir, "slipway.db");
    if (r == 0)
        r = db_open(path, &house->db);
    if (r != 0)
        return r;
    house->platform.db = house->db;
    return migrate(house);
}

/* An address as it stands in a URL that this machine can reach: 0.0.0.0 is 127.0.0.1. */
static const char *url_host(const char *address, char *ret, size_t size)
{
    if (strcmp(address, "0.0.0.0") == 0)
        address = "127.0.0.1";
    if (strcmp(address, "::") == 0)
        address = "::1";
    (void)snprintf(ret, size, strchr(address, ':') ? "[%s]" : "%s", address);
    return ret;
}

static int start_services(struct house *house)
{
    for (size_t i = 0; services_all[i]; i++) {
        assert(i < SERVICES_MAX);
        if (!services_all[i]->start)
            continue;
        int r = services_all[i]->start(&house->platform, &house->states[i]);
        if (r != 0)
            return r;
        house->started[i] = true;
    }
    return 0;
}

/* The port is known, nothing is accepted yet: the services may start. */
static int bound(void *ctx, uint16_t port)
{
    struct house *house = ctx;
    const struct house_config *config = house->config;
    char host[128];
    if (config->endpoint_url)
        (void)snprintf(house->endpoint, sizeof(house->endpoint), "%s", config->endpoint_url);
    else
        (void)snprintf(house->endpoint, sizeof(house->endpoint), "%s://%s:%u",
                       config->tls_cert_file ? "https" : "http",
                       url_host(config->listen[0], host, sizeof(host)), port);
    return start_services(house);
}

static int listen_on(struct house *house)
{
    const struct house_config *config = house->config;
    struct http_handler handler = dispatcher_handler(house->dispatcher);
    struct reason why = {0};
    const struct http_server_config server = {
        .listen = config->listen,
        .port = config->port,
        .tls_cert_file = config->tls_cert_file,
        .tls_key_file = config->tls_key_file,
        .bound = bound,
        .bound_ctx = house,
        .why = &why,
    };
    int r = http_server_start(&server, &handler, &house->server);
    if (r >= 0 || !why.text[0])
        return r;
    (void)fprintf(stderr, "slipway: %s\n", why.text);
    return HOUSE_E_REFUSED;
}

static int read_keys(struct house *house)
{
    const char *const *files = house->config->encryption_key_files;
    struct reason why = {0};
    size_t count = 0;
    while (files && files[count])
        count++;
    int r = count > 0 ? keyring_read(files, count, &house->keyring, &why) : 0;
    house->platform.keyring = house->keyring;
    if (r != KEYRING_E_FILE)
        return r;
    (void)fprintf(stderr, "slipway: %s\n", why.text);
    return HOUSE_E_REFUSED;
}

static int open_all(struct house *house)
{
    int r = lock_data(house);
    if (r == 0)
        r = read_keys(house);
    if (r == 0)
        r = open_db(house);
    if (r == 0 && house->config->first_accounts)
        r = accounts_first(&house->platform);
    if (r == 0)
        r = dispatcher_new(&house->platform, &house->dispatcher);
    return r == 0 ? listen_on(house) : r;
}

int house_open(const struct house_config *config, struct house **ret)
{
    struct house *house = mem_alloc(sizeof(*house));
    if (!house)
        return FAULT(ENOMEM);
    house->lock_fd = -1;
    house->config = config;
    house->data_dir = str_dup(str_of(config->data_dir));
    house->platform = (struct platform){
        .data_dir = house->data_dir,
        .region = "us-east-1",
        .shared_account = ACCOUNTS_SHARED,
        .endpoint = house->endpoint,
        .services = services_all,
        .retain_ms = config->retain_ms,
        .scrub_bytes_per_s = config->scrub_bytes_per_s,
    };
    int r = house->data_dir ? open_all(house) : FAULT(ENOMEM);
    if (r != 0) {
        house_close(&house, 0);
        return r;
    }
    house->config = NULL;
    *ret = house;
    return 0;
}

void house_close(struct house **ret, int64_t grace_ms)
{
    struct house *house = *ret;
    if (!house)
        return;
    http_server_stop(&house->server, grace_ms);
    wake_stop();
    for (size_t i = SERVICES_MAX; i-- > 0;)
        if (house->started[i] && services_all[i]->stop)
            services_all[i]->stop(house->states[i]);
    dispatcher_free(&house->dispatcher);
    if (house->db)
        db_close(&house->db);
    close_fd(&house->lock_fd);
    keyring_free(&house->keyring);
    free(house->data_dir);
    free(house);
    *ret = NULL;
}

const struct platform *house_platform(const struct house *house)
{
    return &house->platform;
}

uint16_t house_port(const struct house *house)
{
    return http_server_port(house->server);
}
