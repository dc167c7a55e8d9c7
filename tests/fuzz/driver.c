/* Feeds one parser with mutations of its seeds: `fuzz_NAME CORPUS_FOLDER [FILE]`.
 *
 * Runs FUZZ_ITERATIONS (default 20000) inputs, or for FUZZ_SECONDS; FUZZ_SEED gives the same inputs again.
 * The input that a parser dies on is left in the file that is named on stderr; with FILE only that one is
 * read. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "fuzz.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define SEEDS_MAX 64
#define INPUT_MAX ((size_t)16384)
#define INPUT_SECONDS 10

static char *seeds[SEEDS_MAX];
static size_t seed_lens[SEEDS_MAX];
static size_t seed_count;
static uint64_t random_state;
static char input[INPUT_MAX];
static size_t input_len;

/* xorshift64*: fast, and the same everywhere. */
static uint64_t random_next(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * UINT64_C(2685821657736338717);
}

static size_t below(size_t limit)
{
    return limit > 0 ? (size_t)(random_next() % limit) : 0;
}

static void insert_bytes(size_t at, const char *bytes, size_t len)
{
    if (len > INPUT_MAX - input_len)
        len = INPUT_MAX - input_len;
    memmove(input + at + len, input + at, input_len - at);
    memmove(input + at, bytes, len);
    input_len += len;
}

static void remove_bytes(size_t at, size_t len)
{
    memmove(input + at, input + at + len, input_len - at - len);
    input_len -= len;
}

/* What parsers trip over. */
static void insert_word(size_t at)
{
    static const char *const words[] = {"[",
                                        "]",
                                        "{",
                                        "}",
                                        "\"",
                                        "\\u0000",
                                        "<",
                                        "</",
                                        "&#0;",
                                        "%",
                                        "%00",
                                        "%2",
                                        "&",
                                        "=",
                                        "*",
                                        "!Ref ",
                                        "!Sub ",
                                        "${",
                                        "<<: ",
                                        "-1",
                                        "1e9",
                                        "../",
                                        "\n",
                                        "\r\n",
                                        "\xff",
                                        "\xc3",
                                        "\xed\xa0\x80",
                                        "\t",
                                        ": ",
                                        "- ",
                                        "&a ",
                                        "*a ",
                                        "#{",
                                        "null",
                                        "~",
                                        "9223372036854775808",
                                        "2147483648",
                                        ";",
                                        ", ",
                                        "aws4_request",
                                        "T",
                                        "Z"};
    const char *word = words[below(ARRAY_LEN(words))];

    insert_bytes(at, word, strlen(word));
}

static void repeat_slice(void)
{
    char copy[256];
    size_t from = below(input_len + 1), len = below(sizeof(copy));

    if (len > input_len - from)
        len = input_len - from;
    memcpy(copy, input + from, len);
    for (size_t times = 1 + below(below(8) == 0 ? 200 : 4); times > 0; times--)
        insert_bytes(below(input_len + 1), copy, len);
}

static void mutate_once(void)
{
    size_t at = below(input_len + 1);
    size_t other = below(seed_count);
    char byte = (char)below(256);

    switch (below(7)) {
    case 0:
        if (at < input_len)
            input[at] = (char)(input[at] ^ (char)(1 << below(8)));
        break;
    case 1:
        if (at < input_len)
            input[at] = byte;
        break;
    case 2:
        insert_bytes(at, &byte, 1);
        break;
    case 3:
        remove_bytes(
            at, below(below(4) == 0 ? input_len - at + 1 : (input_len - at < 4 ? input_len - at + 1 : 4)));
        break;
    case 4:
        insert_word(at);
        break;
    case 5:
        repeat_slice();
        break;
    default: {
        size_t from = below(seed_lens[other] + 1);

        insert_bytes(at, seeds[other] + from, below(seed_lens[other] - from + 1));
    }
    }
}

static void make_input(void)
{
    size_t seed = below(seed_count);

    input_len = 0;
    insert_bytes(0, seeds[seed], seed_lens[seed]);
    for (size_t times = below(8); times > 0; times--)
        mutate_once();
}

/* Leaves the input behind; called once, when all is lost. */
static void keep_input(void)
{
    char path[] = "/tmp/slipway-fuzz-XXXXXX";
    int fd = mkstemp(path);

    if (fd >= 0 && write(fd, input, input_len) == (ssize_t)input_len)
        (void)fprintf(stderr, "fuzz: the parser died of, or hung on, the input in %s\n", path);
}

static void on_abort(int signal)
{
    (void)signal;
    keep_input();
}

/* An input that takes this long is as bad as one that kills. */
static void on_alarm(int signal)
{
    (void)signal;
    abort();
}

static void feed(void)
{
    (void)alarm(INPUT_SECONDS);
    fuzz_one((struct str){input, input_len});
    (void)alarm(0);
}

void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static int load(const char *path)
{
    CLEANUP(buf_free) struct buf bytes = BUF_INIT(INPUT_MAX);
    int r = io_read_file(path, &bytes);

    if (r != 0 || seed_count == SEEDS_MAX)
        return r != 0 ? r : -E2BIG;
    seed_lens[seed_count] = bytes.len;
    seeds[seed_count] = bytes.len > 0 ? buf_take(&bytes) : str_dup(STR(""));
    return seeds[seed_count++] ? 0 : -ENOMEM;
}

static int load_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int r = 0;

    if (!dir)
        return -errno;
    while (r == 0 && (entry = readdir(dir))) {
        char path[4096];

        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        r = load(path);
    }
    (void)closedir(dir);
    return r == 0 && seed_count == 0 ? -ENOENT : r;
}

static int64_t setting(const char *name, int64_t absent)
{
    int64_t value;

    return getenv(name) && str_to_int(str_of(getenv(name)), 0, INT64_MAX, &value) ? value : absent;
}

static int run_one(const char *path)
{
    int r = load(path);

    if (r == 0)
        fuzz_one((struct str){seeds[0], seed_lens[0]});
    return r;
}

static void run_all(void)
{
    int64_t seconds = setting("FUZZ_SECONDS", 0);
    int64_t iterations = seconds > 0 ? INT64_MAX : setting("FUZZ_ITERATIONS", 20000);
    int64_t until_ms = seconds > 0 ? clock_mono_ms() + seconds * 1000 : INT64_MAX;
    int64_t done = 0;

    for (size_t i = 0; i < seed_count; i++) { /* the seeds themselves first */
        input_len = 0;
        insert_bytes(0, seeds[i], seed_lens[i]);
        feed();
    }
    for (; done < iterations && clock_mono_ms() < until_ms; done++) {
        make_input();
        feed();
    }
    (void)printf("%lld inputs\n", (long long)done);
}

int main(int argc, char **argv)
{
    int r;

    if (argc < 2)
        return 2;
    log_set_level(LOG_LEVEL_ERROR);
    random_state = (uint64_t)setting("FUZZ_SEED", 20261123) | 1;
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
    (void)signal(SIGABRT, on_abort);
    (void)signal(SIGALRM, on_alarm);
    if (argc > 2) {
        r = run_one(argv[2]);
    } else {
        r = load_folder(argv[1]);
        if (r == 0)
            run_all();
    }
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i]);
    if (r != 0)
        (void)fprintf(stderr, "fuzz: cannot read the seeds in %s: %s\n", argv[1], strerror(-r));
    return r == 0 ? 0 : 1;
}
