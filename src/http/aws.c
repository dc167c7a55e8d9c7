/* The client as an object: where it sends, whose keys it signs with, and how it is made to give up.
 *
 * A client that assumed a role keeps its parent alive and renews its keys through it. */
#include "base/clock.h"
#include "base/mem.h"
#include "http/aws_client.h"
#include "wire/json.h"
#include "wire/time.h"
#include <time.h>

#define RENEW_BEFORE_MS (INT64_C(5) * 60 * 1000)

static void keys_free(struct aws_keys *keys)
{
    while (keys) {
        struct aws_keys *older = keys->older;

        free((char *)keys->credentials.access_key_id);
        free((char *)keys->credentials.secret_access_key);
        free((char *)keys->credentials.session_token);
        sigv4_keys_free(&keys->credentials.keys);
        free(keys);
        keys = older;
    }
}

static struct aws_keys *keys_new(const char *id, const char *secret, const char *token, int64_t expires_ms)
{
    struct aws_keys *keys = mem_alloc(sizeof(*keys));

    if (!keys)
        return NULL;
    keys->credentials.access_key_id = str_dup(str_of(id));
    keys->credentials.secret_access_key = str_dup(str_of(secret));
    keys->credentials.session_token = token && token[0] ? str_dup(str_of(token)) : NULL;
    keys->expires_ms = expires_ms;
    keys->created_ms = clock_now_ms();
    if (sigv4_keys_new(&keys->credentials.keys) != 0 || !keys->credentials.access_key_id ||
        !keys->credentials.secret_access_key || (token && token[0] && !keys->credentials.session_token)) {
        keys_free(keys);
        return NULL;
    }
    return keys;
}

static void client_destroy(struct aws_client *client)
{
    if (!client->parent)
        http_client_free(&client->http);
    keys_free(client->keys);
    free(client->endpoint);
    free(client->region);
    free(client->role_arn);
    free(client->session_name);
    pthread_cond_destroy(&client->cancel_changed);
    pthread_mutex_destroy(&client->renewing);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

static struct aws_client *client_alloc(const char *endpoint, const char *region)
{
    struct aws_client *client = mem_alloc(sizeof(*client));
    struct str url = str_of(endpoint);
    pthread_condattr_t attributes;

    if (!client)
        return NULL;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->cancel_changed, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&client->lock, NULL);
    pthread_mutex_init(&client->renewing, NULL);
    client->refs = 1;
    while (str_ends(url, STR("/")))
        url.len--;
    client->endpoint = url.len > 0 ? str_dup(url) : NULL;
    client->region = str_dup(str_of(region && region[0] ? region : "us-east-1"));
    if (!client->region || (url.len > 0 && !client->endpoint)) {
        client_destroy(client);
        return NULL;
    }
    return client;
}

int aws_client_new(const struct aws_config *config, struct aws_client **ret)
{
    struct aws_client *client = client_alloc(config->endpoint_url, config->region);
    int r;

    if (!client)
        return FAULT(ENOMEM);
    client->keys =
        keys_new(config->access_key_id, config->secret_access_key, config->session_token, INT64_MAX);
    r = client->keys ? http_client_new(&client->http) : FAULT(ENOMEM);
    if (r != 0)
        client_destroy(client);
    else
        *ret = client;
    return r;
}

static void forget_child(struct aws_client *parent, const struct aws_client *child)
{
    pthread_mutex_lock(&parent->lock);
    for (struct aws_client **at = &parent->children; *at; at = &(*at)->sibling)
        if (*at == child) {
            *at = child->sibling;
            break;
        }
    pthread_mutex_unlock(&parent->lock);
}

static void client_unref(struct aws_client *client)
{
    while (client) {
        struct aws_client *parent = client->parent;
        bool last;

        pthread_mutex_lock(&client->lock);
        last = --client->refs == 0;
        pthread_mutex_unlock(&client->lock);
        if (!last)
            return;
        if (parent)
            forget_child(parent, client);
        client_destroy(client);
        client = parent;
    }
}

void aws_client_free(struct aws_client **client)
{
    client_unref(*client);
    *client = NULL;
}

void aws_client_cancel(struct aws_client *client)
{
    pthread_mutex_lock(&client->lock);
    __atomic_store_n(&client->cancelled, true, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&client->cancel_changed);
    for (struct aws_client *child = client->children; child; child = child->sibling)
        aws_client_cancel(child);
    pthread_mutex_unlock(&client->lock);
}

bool aws_client_pause(struct aws_client *client, int64_t ms)
{
    int64_t until_ms = clock_mono_ms() + ms;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    int r = 0;

    pthread_mutex_lock(&client->lock);
    while (!client->cancelled && r == 0)
        r = pthread_cond_timedwait(&client->cancel_changed, &client->lock, &until);
    pthread_mutex_unlock(&client->lock);
    return __atomic_load_n(&client->cancelled, __ATOMIC_ACQUIRE);
}

const char *aws_client_region(const struct aws_client *client)
{
    return client->region;
}

const char *aws_client_endpoint(const struct aws_client *client)
{
    return client->endpoint;
}

/* AssumeRole through the parent, as a new generation of keys. */
static int assume(struct aws_client *client, struct aws_keys **ret, struct aws_error *error)
{
    CLEANUP(json_free) json_t *out = NULL;
    json_t *in = json_object();
    const json_t *credentials;
    const char *id, *secret, *expiration;
    int64_t expires_ms;
    int r;

    if (!in || json_put_str(in, "RoleArn", client->role_arn) != 0 ||
        json_put_str(in, "RoleSessionName", client->session_name) != 0) {
        json_free(&in);
        return FAULT(ENOMEM);
    }
    r = aws_call(client->parent, "sts", "AssumeRole", in, &out, error);
    if (r != 0)
        return r;
    credentials = json_object_get(out, "Credentials");
    id = json_str(credentials, "AccessKeyId", NULL);
    secret = json_str(credentials, "SecretAccessKey", NULL);
    expiration = json_str(credentials, "Expiration", "");
    if (!id || !secret || !time_parse_iso8601(str_of(expiration), &expires_ms)) {
        aws_error_set(error, "MalformedAnswer", "The answer to AssumeRole has no credentials in it.");
        return AWS_E_UNREACHABLE;
    }
    *ret = keys_new(id, secret, json_str(credentials, "SessionToken", NULL), expires_ms);
    return *ret ? 0 : FAULT(ENOMEM);
}

/* Five minutes before their end, or for short sessions when an eighth is left. */
static bool due(const struct aws_keys *keys, int64_t now_ms)
{
    int64_t eighth;

    if (!keys || keys->expires_ms == INT64_MAX)
        return !keys;
    eighth = (keys->expires_ms - keys->created_ms) / 8;
    return now_ms >= keys->expires_ms - (eighth < RENEW_BEFORE_MS ? eighth : RENEW_BEFORE_MS);
}

static struct aws_keys *newest(struct aws_client *client)
{
    struct aws_keys *keys;

    pthread_mutex_lock(&client->lock);
    keys = client->keys;
    pthread_mutex_unlock(&client->lock);
    return keys;
}

/* One thread renews; the others wait for it and use what it got. Keys that have not yet ended serve on when a
 * renewal fails. */
static int renew(struct aws_client *client, struct aws_error *error)
{
    struct aws_keys *keys = NULL;
    struct aws_keys *current;
    int r = 0;

    pthread_mutex_lock(&client->renewing);
    current = newest(client);
    if (due(current, clock_now_ms())) {
        r = assume(client, &keys, error);
        if (r == 0) {
            pthread_mutex_lock(&client->lock);
            keys->older = client->keys;
            client->keys = keys;
            pthread_mutex_unlock(&client->lock);
        } else if (current && clock_now_ms() < current->expires_ms) {
            r = 0;
        }
    }
    pthread_mutex_unlock(&client->renewing);
    return r;
}

int aws_client_keys(struct aws_client *client, struct sigv4_credentials *ret, struct aws_error *error)
{
    if (client->parent && due(newest(client), clock_now_ms())) {
        int r = renew(client, error);

        if (r != 0)
            return r;
    }
    *ret = newest(client)->credentials;
    return 0;
}

struct sigv4_credentials aws_client_credentials(struct aws_client *client)
{
    struct sigv4_credentials credentials;
    struct aws_error unread;

    if (aws_client_keys(client, &credentials, &unread) != 0)
        credentials = newest(client)->credentials;
    return credentials;
}

int aws_client_assume(struct aws_client *client, const char *role_arn, const char *session_name,
                      struct aws_client **ret, struct aws_error *error)
{
    struct aws_client *child = client_alloc(client->endpoint, client->region);
    struct aws_error unread;
    int r;

    if (!child)
        return FAULT(ENOMEM);
    child->role_arn = str_dup(str_of(role_arn));
    child->session_name = str_dup(str_of(session_name));
    child->http = client->http;
    child->parent = client;
    r = child->role_arn && child->session_name ? assume(child, &child->keys, error ? error : &unread)
                                               : FAULT(ENOMEM);
    if (r != 0) {
        client_destroy(child);
        return r;
    }
    pthread_mutex_lock(&client->lock);
    client->refs++;
    child->sibling = client->children;
    client->children = child;
    child->cancelled = client->cancelled;
    pthread_mutex_unlock(&client->lock);
    *ret = child;
    return 0;
}
