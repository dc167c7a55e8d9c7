/* Endpoint, region and keys from where the AWS CLI looks for them: the environment, then a profile of the
 * shared credentials and config files. Source: AWS CLI User Guide, "Configuration and credential file
 * settings". A profile that the caller names goes before the keys of the environment, as with --profile. */
#include "base/buf.h"
#include "base/io.h"
#include "http/aws_client.h"

#define FILE_MAX_BYTES ((size_t)1 << 20)
#define DEFAULT_PROFILE "default"

/* One profile's settings; each string is owned. */
struct settings {
    char *access_key_id;
    char *secret_access_key;
    char *session_token;
    char *region;
    char *endpoint_url;
};

static void settings_deinit(struct settings *settings)
{
    free(settings->access_key_id);
    free(settings->secret_access_key);
    free(settings->session_token);
    free(settings->region);
    free(settings->endpoint_url);
}

/* First come, first kept: the credentials file is read before the config file. */
static int settings_put(struct settings *settings, struct str name, struct str value)
{
    const struct {
        const char *name;
        char **place;
    } rows[] = {
        {"aws_access_key_id", &settings->access_key_id},
        {"aws_secret_access_key", &settings->secret_access_key},
        {"aws_session_token", &settings->session_token},
        {"region", &settings->region},
        {"endpoint_url", &settings->endpoint_url},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (!str_eqc(name, rows[i].name) || *rows[i].place)
            continue;
        *rows[i].place = str_dup(value);
        return *rows[i].place ? 0 : FAULT(ENOMEM);
    }
    return 0;
}

/* "[dev]", "[profile dev]", "[default]" */
static bool section_is(struct str line, const char *profile)
{
    struct str name = str_trim((struct str){line.ptr + 1, line.len - 1});

    if (name.len > 0 && name.ptr[name.len - 1] == ']')
        name.len--;
    name = str_trim(name);
    if (str_starts(name, STR("profile ")))
        name = str_trim((struct str){name.ptr + 8, name.len - 8});
    return str_eqc(name, profile);
}

static int read_lines(struct str text, const char *profile, struct settings *settings, bool *found)
{
    struct str rest = text;
    bool inside = false;
    int r = 0;

    while (rest.ptr && r == 0) {
        struct str whole = str_split(&rest, '\n');
        struct str line = str_trim(whole);
        struct str value = line;
        struct str name;

        if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
            continue;
        if (line.ptr[0] == '[') {
            inside = section_is(line, profile);
            *found = *found || inside;
            continue;
        }
        if (!inside || whole.ptr[0] == ' ' || whole.ptr[0] == '\t') /* of another profile, or nested */
            continue;
        name = str_trim(str_split(&value, '='));
        if (value.ptr)
            r = settings_put(settings, name, str_trim(value));
    }
    return r;
}

/* A file that is not there says nothing. */
static int read_file(const char *variable, const char *home_name, const char *profile,
                     struct settings *settings, bool *found)
{
    CLEANUP(buf_free) struct buf path = BUF_INIT(4096);
    CLEANUP(buf_free) struct buf text = BUF_INIT(FILE_MAX_BYTES);
    const char *named = getenv(variable);
    const char *home = getenv("HOME");
    int r;

    if (named && named[0]) {
        buf_puts(&path, named);
    } else {
        buf_puts(&path, home ? home : "");
        buf_puts(&path, home_name);
    }
    r = buf_error(&path);
    if (r == 0)
        r = io_read_file(path.ptr, &text);
    if (r == -ENOENT || r == -EACCES || r == -ENOTDIR)
        return 0;
    return r == 0 ? read_lines(buf_str(&text), profile, settings, found) : r;
}

static const char *env_of(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static const char *first_of(const char *a, const char *b)
{
    return a ? a : b;
}

static int make(const struct settings *settings, const char *profile, bool found, bool keys_from_env,
                struct aws_client **ret, struct reason *why)
{
    const struct aws_config config = {
        .endpoint_url = first_of(env_of("AWS_ENDPOINT_URL"), settings->endpoint_url),
        .region = first_of(first_of(env_of("AWS_REGION"), env_of("AWS_DEFAULT_REGION")), settings->region),
        .access_key_id = keys_from_env ? env_of("AWS_ACCESS_KEY_ID") : settings->access_key_id,
        .secret_access_key = keys_from_env ? env_of("AWS_SECRET_ACCESS_KEY") : settings->secret_access_key,
        .session_token = keys_from_env ? env_of("AWS_SESSION_TOKEN") : settings->session_token,
    };

    if (config.endpoint_url && strstr(config.endpoint_url, "://") && !http_url_ok(config.endpoint_url))
        return reason_set(
            why, AWS_E_NO_ENDPOINT,
            "\"%s\" is no endpoint: AWS_ENDPOINT_URL (or --endpoint-url) is http://HOST:PORT or "
            "https://HOST:PORT.",
            config.endpoint_url);
    if (config.access_key_id && config.secret_access_key)
        return aws_client_new(&config, ret);
    if (!found && strcmp(profile, DEFAULT_PROFILE) != 0)
        return reason_set(why, AWS_E_NO_CREDENTIALS,
                          "There is no profile \"%s\" in the credentials file. Set "
                          "AWS_SHARED_CREDENTIALS_FILE to the file that `slipway serve` wrote, or name "
                          "another profile.",
                          profile);
    return reason_set(why, AWS_E_NO_CREDENTIALS,
                      "No credentials were found. Set AWS_PROFILE and AWS_SHARED_CREDENTIALS_FILE, or "
                      "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
}

int aws_client_from_env(const char *profile, struct aws_client **ret, struct reason *why)
{
    CLEANUP(settings_deinit) struct settings settings = {0};
    const char *named = profile && profile[0] ? profile : NULL;
    const char *chosen = first_of(first_of(named, env_of("AWS_PROFILE")),
                                  first_of(env_of("AWS_DEFAULT_PROFILE"), DEFAULT_PROFILE));
    bool keys_from_env = !named && env_of("AWS_ACCESS_KEY_ID") && env_of("AWS_SECRET_ACCESS_KEY");
    bool found = false;
    int r = read_file("AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials", chosen, &settings, &found);

    if (r == 0)
        r = read_file("AWS_CONFIG_FILE", "/.aws/config", chosen, &settings, &found);
    if (r != 0)
        return r;
    return make(&settings, chosen, found, keys_from_env, ret, why);
}
