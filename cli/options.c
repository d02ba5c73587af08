/* SPDX-License-Identifier: MIT */
/* Two tables of flags: those of the connection, which the benchmark shares, and all others. */
#include "cli/options.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/num.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum {
    PORT_DEFAULT = 6379,
    PIPE_TIMEOUT_MS = 30 * 1000,
    CLUSTER_TIMEOUT_MS = 60 * 1000,
};

static void replace_text(char **text, const char *value)
{
    mem_free(MEM_CLI, *text);
    *text = mem_strdup(MEM_CLI, value);
}

/* ---- flags with a rule of their own ------------------------------------------------------------ */

static bool set_host(void *target, const char *value, struct errmsg *error)
{
    struct options *o = target;

    if (value[0] == '\0' || strlen(value) >= sizeof(o->host)) {
        errmsg_set(error, "'%.40s' is no host name", value);
        return false;
    }
    bytes_to_text(bytes_from_text(value), o->host, sizeof(o->host));
    return true;
}

static bool set_user(void *target, const char *value, struct errmsg *error)
{
    (void)error;
    replace_text(&((struct options *)target)->user, value);
    return true;
}

static bool set_password(void *target, const char *value, struct errmsg *error)
{
    struct options *o = target;

    (void)error;
    replace_text(&o->password, value);
    o->is_password_visible = true;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode %xx; the result is owned by the caller. */
static char *decode_percent(struct bytes text)
{
    char *out = mem_alloc(MEM_CLI, text.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];

        if (c == '%' && text.len - i > 2 && hex_digit(text.data[i + 1]) >= 0 &&
            hex_digit(text.data[i + 2]) >= 0) {
            c = (char)(hex_digit(text.data[i + 1]) * 16 + hex_digit(text.data[i + 2]));
            i += 2;
        }
        out[len++] = c;
    }
    out[len] = '\0';
    return out;
}

static bool set_uri_address(struct options *o, struct bytes address, struct errmsg *error)
{
    size_t colon = SIZE_MAX;

    for (size_t i = 0; i < address.len; i++) {
        if (address.data[i] == ':') {
            colon = i;
        } else if (address.data[i] == ']') {
            colon = SIZE_MAX;
        }
    }
    if (colon != SIZE_MAX) {
        int64_t port;

        if (!num_parse_i64(bytes_from(address, colon + 1), &port) || port < 1 || port > 65535) {
            errmsg_set(error, "the URI has no valid port behind its host");
            return false;
        }
        o->port = port;
        address = bytes_prefix(address, colon);
    }
    if (address.len >= 2 && address.data[0] == '[' && address.data[address.len - 1] == ']') {
        address = bytes_make(address.data + 1, address.len - 2);
    }
    if (address.len >= sizeof(o->host)) {
        errmsg_set(error, "the host name in the URI is too long");
        return false;
    }
    if (address.len > 0) {
        bytes_to_text(address, o->host, sizeof(o->host));
    }
    return true;
}

static void set_uri_user(struct options *o, struct bytes user_info)
{
    size_t colon = bytes_find_byte(user_info, ':');

    if (colon == SIZE_MAX) { /* as the model has it: a lone part is the password */
        mem_free(MEM_CLI, o->password);
        o->password = decode_percent(user_info);
    } else {
        if (colon > 0) {
            mem_free(MEM_CLI, o->user);
            o->user = decode_percent(bytes_prefix(user_info, colon));
        }
        mem_free(MEM_CLI, o->password);
        o->password = decode_percent(bytes_from(user_info, colon + 1));
    }
    o->is_password_visible = true;
}

/* redis://[[user]:password@][host[:port]][/db] */
static bool set_uri(void *target, const char *value, struct errmsg *error)
{
    struct options *o = target;
    struct bytes rest = bytes_from_text(value);
    size_t at;
    size_t slash;

    if (bytes_has_prefix(rest, "redis://")) {
        rest = bytes_from(rest, strlen("redis://"));
    } else if (bytes_has_prefix(rest, "starling://")) {
        rest = bytes_from(rest, strlen("starling://"));
    } else {
        errmsg_set(error, "the URI must begin with redis:// or starling:// (TLS is not spoken)");
        return false;
    }
    at = bytes_find_byte(rest, '@');
    if (at != SIZE_MAX) {
        set_uri_user(o, bytes_prefix(rest, at));
        rest = bytes_from(rest, at + 1);
    }
    slash = bytes_find_byte(rest, '/');
    if (slash != SIZE_MAX) {
        struct bytes db = bytes_from(rest, slash + 1);

        if (db.len > 0 && (!num_parse_i64(db, &o->db) || o->db < 0)) {
            errmsg_set(error, "the path of the URI is not the number of a database");
            return false;
        }
        rest = bytes_prefix(rest, slash);
    }
    return set_uri_address(o, rest, error);
}

static bool set_protocol_2(void *target, const char *value, struct errmsg *error)
{
    (void)value;
    (void)error;
    ((struct options *)target)->protocol = 2;
    return true;
}

static bool set_protocol_3(void *target, const char *value, struct errmsg *error)
{
    (void)value;
    (void)error;
    ((struct options *)target)->protocol = 3;
    return true;
}

static bool set_format(void *target, enum render_format format)
{
    struct options *o = target;

    o->has_format = true;
    o->render.format = format;
    if ((format == RENDER_JSON || format == RENDER_QUOTED_JSON) && o->protocol == 0) {
        o->protocol = 3; /* maps and booleans are JSON's own */
    }
    return true;
}

#define FORMAT_FLAG(name, format)                                                                  \
    static bool name(void *target, const char *value, struct errmsg *error)                        \
    {                                                                                              \
        (void)value;                                                                               \
        (void)error;                                                                               \
        return set_format(target, format);                                                         \
    }
FORMAT_FLAG(set_raw, RENDER_RAW)
FORMAT_FLAG(set_no_raw, RENDER_TTY)
FORMAT_FLAG(set_csv, RENDER_CSV)
FORMAT_FLAG(set_json, RENDER_JSON)
FORMAT_FLAG(set_quoted_json, RENDER_QUOTED_JSON)

#define MODE_FLAG(name, wanted)                                                                    \
    static bool name(void *target, const char *value, struct errmsg *error)                        \
    {                                                                                              \
        (void)value;                                                                               \
        (void)error;                                                                               \
        ((struct options *)target)->mode = (wanted);                                               \
        return true;                                                                               \
    }
MODE_FLAG(set_help, OPTIONS_HELP)
MODE_FLAG(set_version, OPTIONS_VERSION)
MODE_FLAG(set_pipe, OPTIONS_PIPE)
MODE_FLAG(set_scan, OPTIONS_SCAN)
MODE_FLAG(set_stat, OPTIONS_STAT)
MODE_FLAG(set_latency, OPTIONS_LATENCY)
MODE_FLAG(set_latency_history, OPTIONS_LATENCY_HISTORY)
MODE_FLAG(set_cluster, OPTIONS_CLUSTER)
MODE_FLAG(set_bench, OPTIONS_BENCH)

#define FIELD(name) offsetof(struct options, name)

static bool set_interval(void *target, const char *value, struct errmsg *error)
{
    static const struct flag_row row = {
        .name = "-i", .kind = FLAG_SECONDS, .field = FIELD(interval_ms)};

    ((struct options *)target)->has_interval = true;
    return flags_store(&row, target, value, error);
}

static bool set_repeat(void *target, const char *value, struct errmsg *error)
{
    static const struct flag_row row = {.name = "-r",
                                        .kind = FLAG_NUMBER,
                                        .field = FIELD(repeat),
                                        .min = INT64_MIN,
                                        .max = INT64_MAX};

    ((struct options *)target)->has_repeat = true;
    return flags_store(&row, target, value, error);
}

static bool set_show_pushes(void *target, const char *value, struct errmsg *error)
{
    bool is_yes = strcmp(value, "yes") == 0 || strcmp(value, "y") == 0;

    if (!is_yes && strcmp(value, "no") != 0 && strcmp(value, "n") != 0) {
        errmsg_set(error, "--show-pushes takes yes or no, not '%s'", value);
        return false;
    }
    ((struct options *)target)->shows_pushes = is_yes;
    return true;
}

static const struct flag_row connection_rows[] = {
    {"-h",                FLAG_CALL,       0,                          0, 0,     set_host      },
    {"-p",                FLAG_NUMBER,     FIELD(port),                1, 65535, NULL          },
    {"-s",                FLAG_TEXT,       FIELD(unix_path),           0, 0,     NULL          },
    {"-a",                FLAG_CALL,       0,                          0, 0,     set_password  },
    {"--pass",            FLAG_CALL,       0,                          0, 0,     set_password  },
    {"--user",            FLAG_CALL,       0,                          0, 0,     set_user      },
    {"-u",                FLAG_CALL,       0,                          0, 0,     set_uri       },
    {"-2",                FLAG_CALL_ALONE, 0,                          0, 0,     set_protocol_2},
    {"-3",                FLAG_CALL_ALONE, 0,                          0, 0,     set_protocol_3},
    {"--no-auth-warning", FLAG_BOOL,       FIELD(has_no_auth_warning), 0, 0,     NULL          },
};

static const struct flag_row rows[] = {
    {"-n",                 FLAG_NUMBER,     FIELD(db),                 0, INT32_MAX, NULL               },
    {"-t",                 FLAG_SECONDS,    FIELD(timeout_ms),         1, 0,         NULL               },
    {"-r",                 FLAG_CALL,       0,                         0, 0,         set_repeat         },
    {"-i",                 FLAG_CALL,       0,                         0, 0,         set_interval       },
    {"-c",                 FLAG_BOOL,       FIELD(follows_redirects),  0, 0,         NULL               },
    {"-x",                 FLAG_BOOL,       FIELD(reads_last_word),    0, 0,         NULL               },
    {"-X",                 FLAG_TEXT,       FIELD(stdin_tag),          0, 0,         NULL               },
    {"-e",                 FLAG_BOOL,       FIELD(fails_on_error),     0, 0,         NULL               },
    {"-d",                 FLAG_TEXT,       FIELD(render.delimiter),   0, 0,         NULL               },
    {"-D",                 FLAG_TEXT,       FIELD(render.terminator),  0, 0,         NULL               },
    {"--raw",              FLAG_CALL_ALONE, 0,                         0, 0,         set_raw            },
    {"--no-raw",           FLAG_CALL_ALONE, 0,                         0, 0,         set_no_raw         },
    {"--csv",              FLAG_CALL_ALONE, 0,                         0, 0,         set_csv            },
    {"--json",             FLAG_CALL_ALONE, 0,                         0, 0,         set_json           },
    {"--quoted-json",      FLAG_CALL_ALONE, 0,                         0, 0,         set_quoted_json    },
    {"--show-pushes",      FLAG_CALL,       0,                         0, 0,         set_show_pushes    },
    {"--help",             FLAG_CALL_ALONE, 0,                         0, 0,         set_help           },
    {"--version",          FLAG_CALL_ALONE, 0,                         0, 0,         set_version        },
    {"-v",                 FLAG_CALL_ALONE, 0,                         0, 0,         set_version        },
    {"--pipe",             FLAG_CALL_ALONE, 0,                         0, 0,         set_pipe           },
    {"--pipe-timeout",     FLAG_SECONDS,    FIELD(pipe_timeout_ms),    0, 0,         NULL               },
    {"--scan",             FLAG_CALL_ALONE, 0,                         0, 0,         set_scan           },
    {"--pattern",          FLAG_TEXT,       FIELD(pattern),            0, 0,         NULL               },
    {"--count",            FLAG_NUMBER,     FIELD(scan_count),         1, INT32_MAX, NULL               },
    {"--type",             FLAG_TEXT,       FIELD(type),               0, 0,         NULL               },
    {"--stat",             FLAG_CALL_ALONE, 0,                         0, 0,         set_stat           },
    {"--latency",          FLAG_CALL_ALONE, 0,                         0, 0,         set_latency        },
    {"--latency-history",  FLAG_CALL_ALONE, 0,                         0, 0,         set_latency_history},
    {"--cluster",          FLAG_CALL_ALONE, 0,                         0, 0,         set_cluster        },
    {"--cluster-replicas", FLAG_NUMBER,     FIELD(cluster_replicas),   0, 1000,      NULL               },
    {"--cluster-timeout",  FLAG_SECONDS,    FIELD(cluster_timeout_ms), 1, 0,         NULL               },
    {"--cluster-yes",      FLAG_BOOL,       FIELD(cluster_yes),        0, 0,         NULL               },
    {"--bench",            FLAG_CALL_ALONE, 0,                         0, 0,         set_bench          },
};

const struct flag_table *options_connection_flags(void)
{
    static const struct flag_table table = {connection_rows, ARRAY_COUNT(connection_rows)};

    return &table;
}

/* ---- the command line -------------------------------------------------------------------------- */

static void take_words(struct options *o, struct flag_words *rest, size_t count)
{
    o->words = rest->words;
    o->word_count = count;
    rest->words += count;
    rest->count -= count;
}

/* --cluster takes words up to the next flag; those of call may be negative numbers. */
static void take_cluster_words(struct options *o, struct flag_words *rest)
{
    bool is_call = rest->count > 0 && strcmp(rest->words[0], "call") == 0;
    size_t count = 0;

    while (count < rest->count) {
        const char *word = rest->words[count];
        bool is_number = is_call && isdigit((unsigned char)(word[0] == '-' ? word[1] : '0')) != 0;

        if (word[0] == '-' && !is_number) {
            break;
        }
        count++;
    }
    take_words(o, rest, count);
}

static enum flag_outcome take_flag(struct options *o, struct flag_words *rest, struct errmsg *error)
{
    static const struct flag_table others = {rows, ARRAY_COUNT(rows)};
    enum flag_outcome outcome;

    if (strcmp(rest->words[0], "-h") == 0 && rest->count == 1) {
        o->mode = OPTIONS_HELP;
        rest->words++;
        rest->count--;
        return FLAG_TAKEN;
    }
    outcome = flags_take(options_connection_flags(), o, rest, error);
    return outcome == FLAG_UNKNOWN ? flags_take(&others, o, rest, error) : outcome;
}

static bool take_all(struct options *o, struct flag_words rest, struct errmsg *error)
{
    while (rest.count > 0) {
        enum options_mode mode = o->mode;

        if (rest.words[0][0] != '-') {
            if (mode != OPTIONS_COMMAND && mode != OPTIONS_HELP && mode != OPTIONS_VERSION) {
                errmsg_set(error, "Unexpected word '%s'", rest.words[0]);
                return false;
            }
            take_words(o, &rest, rest.count);
            return true;
        }
        switch (take_flag(o, &rest, error)) {
        case FLAG_TAKEN:
            break;
        case FLAG_UNKNOWN:
            errmsg_set(error, "Unrecognized option or bad number of args for: '%s'", rest.words[0]);
            return false;
        case FLAG_BAD:
            return false;
        }
        if (o->mode == OPTIONS_CLUSTER && mode != OPTIONS_CLUSTER) {
            take_cluster_words(o, &rest);
        } else if (o->mode == OPTIONS_BENCH) {
            take_words(o, &rest, rest.count);
        }
    }
    return true;
}

bool options_parse(struct options *o, struct flag_words words,
                   const struct options_surroundings *surroundings, struct errmsg *error)
{
    *o = (struct options){
        .host = "127.0.0.1",
        .port = PORT_DEFAULT,
        .repeat = -1,
        .shows_pushes = surroundings->is_terminal,
        .render = {.delimiter = "\n", .terminator = "\n"},
        .pipe_timeout_ms = PIPE_TIMEOUT_MS,
        .cluster_timeout_ms = CLUSTER_TIMEOUT_MS,
    };
    if (!take_all(o, words, error)) {
        return false;
    }
    if (!o->has_format) {
        o->render.format = surroundings->is_terminal ? RENDER_TTY : RENDER_RAW;
    }
    if (o->password == NULL && surroundings->password != NULL) {
        replace_text(&o->password, surroundings->password);
    }
    if (o->reads_last_word && o->stdin_tag != NULL) {
        errmsg_set(error, "-x and -X do not go together");
        return false;
    }
    if ((o->reads_last_word || o->stdin_tag != NULL) && o->mode == OPTIONS_COMMAND &&
        o->word_count == 0) {
        errmsg_set(error, "-x and -X need a command on the command line");
        return false;
    }
    return true;
}

void options_deinit(struct options *o)
{
    mem_free(MEM_CLI, o->user);
    mem_free(MEM_CLI, o->password);
    *o = (struct options){0};
}

void options_print_help(void)
{
    static const char text[] =
        "starling-cli " CLI_VERSION "\n"
        "\n"
        "Usage: starling-cli [OPTIONS] [command [argument ...]]\n"
        "Without a command it reads commands, with editing when there is a terminal.\n"
        "\n"
        "Connection\n"
        "  -h <host>          Host of the server (default: 127.0.0.1)\n"
        "  -p <port>          Port of the server (default: 6379)\n"
        "  -s <path>          Unix socket of the server, instead of host and port\n"
        "  -a, --pass <text>  Password; or set STARLING_AUTH or REDISCLI_AUTH\n"
        "  --user <name>      User of the password (ACL)\n"
        "  -u <uri>           redis://user:password@host:port/db\n"
        "  --no-auth-warning  Do not warn about a password on the command line\n"
        "  -n <db>            Database number\n"
        "  -2, -3             Speak RESP2 or RESP3\n"
        "  -t <seconds>       Time limit of connecting and of each reply (default: none)\n"
        "\n"
        "Commands\n"
        "  -c                 Follow MOVED and ASK (cluster mode)\n"
        "  -r <count>         Repeat the command, -1 for ever\n"
        "  -i <seconds>       Wait between repetitions (decimals allowed)\n"
        "  -x                 Read the last argument from standard input\n"
        "  -X <tag>           Read the argument that is written <tag> from standard input\n"
        "  -e                 Exit with 1 when a reply is an error\n"
        "\n"
        "Output\n"
        "  --raw, --no-raw    Plain replies, or those for people (default: by terminal)\n"
        "  --csv              Comma separated values\n"
        "  --json             JSON (asks for RESP3 unless -2 is given)\n"
        "  --quoted-json      JSON of ASCII only: other bytes as \\\\xHH\n"
        "  -d <text>          Between elements of raw output (default: newline)\n"
        "  -D <text>          Behind each raw reply (default: newline)\n"
        "  --show-pushes yes|no  Print RESP3 pushes (default: yes on a terminal)\n"
        "\n"
        "Modes\n"
        "  --pipe             Send commands (RESP or lines) from standard input, count replies\n"
        "  --pipe-timeout <s> Longest silence while the last replies are due (default: 30)\n"
        "  --scan             List keys with SCAN: --pattern <glob> --count <n> --type <type>\n"
        "  --stat             A line of statistics every second (-i <seconds>, -r <lines>)\n"
        "  --latency          Round trip times; without a terminal for -i seconds, one line\n"
        "  --latency-history  The same, a line every 15 seconds (-i <seconds>, -r <lines>)\n"
        "  --cluster <command> Manage a cluster; --cluster help says more\n"
        "  --bench [...]      Load generator; --bench --help says more\n"
        "\n"
        "  --help             This text\n"
        "  --version          The version\n"
        "\n"
        "Exit code: 0, or 1 when there is no connection, the command line is wrong, or with -e\n"
        "a reply was an error.\n";

    fputs(text, stdout);
}
