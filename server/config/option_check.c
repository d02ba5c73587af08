/* SPDX-License-Identifier: MIT */
/* What single directives ask of their words, and what makes sense only together. */
#include "config/option.h"

#include "base/num.h"
#include "spec/event_class.h"

#include <arpa/inet.h>

enum {
    BUS_PORT_OFFSET = 10000,
    MODE_MAX = 0777,
    SIGNS_OF_LIFE_IN_TIMEOUT = 3,
    HOSTNAME_SIZE = 256, /* as in names of DNS, with an end */
};

static bool check_save(struct config *config, struct buf *text, struct errmsg *error)
{
    struct save_point points[CONFIG_SAVE_POINTS_MAX] = {{0}};
    struct bytes rest = buf_bytes(text);
    struct buf plain = {0};
    size_t count = 0;

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        struct bytes second = bytes_next_word(&rest, ' ');
        struct save_point point;

        if (!num_parse_i64(word, &point.seconds) || !num_parse_i64(second, &point.changes) ||
            point.seconds < 1 || point.changes < 0) {
            errmsg_set(error, "Invalid save parameters");
            return false;
        }
        if (count == CONFIG_SAVE_POINTS_MAX) {
            errmsg_set(error, "more than %d save points", CONFIG_SAVE_POINTS_MAX);
            return false;
        }
        points[count++] = point;
    }
    for (size_t i = 0; i < count; i++) {
        buf_printf(&plain, "%s%lld %lld", i > 0 ? " " : "", (long long)points[i].seconds,
                   (long long)points[i].changes);
    }
    buf_deinit(text);
    *text = plain;
    memcpy(config->save_points, points, sizeof(points));
    config->save_point_count = count;
    return true;
}

static bool parse_output_class(struct bytes word, enum output_class *class)
{
    static const struct {
        const char *name;
        enum output_class class;
    } names[] = {
        {"normal",  OUTPUT_NORMAL },
        {"replica", OUTPUT_REPLICA},
        {"slave",   OUTPUT_REPLICA},
        {"pubsub",  OUTPUT_PUBSUB },
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(word, names[i].name)) {
            *class = names[i].class;
            return true;
        }
    }
    return false;
}

/* The plain text has all classes, since one CONFIG SET may name only some. */
static void format_output_limits(const struct config *config, struct buf *out)
{
    static const char *const names[] = {"normal", "slave", "pubsub"};

    buf_clear(out);
    for (int class = 0; class < OUTPUT_CLASS_COUNT; class ++) {
        const struct output_limit *limit = &config->output_limits[class];

        buf_printf(out, "%s%s %llu %llu %lld", class > 0 ? " " : "", names[class],
                   (unsigned long long)limit->hard_bytes, (unsigned long long)limit->soft_bytes,
                   (long long)limit->soft_seconds);
    }
}

static bool check_output_limits(struct config *config, struct buf *text, struct errmsg *error)
{
    struct output_limit limits[OUTPUT_CLASS_COUNT];
    struct bytes rest = buf_bytes(text);
    bool is_empty = true;

    memcpy(limits, config->output_limits, sizeof(limits));
    for (; rest.len > 0; is_empty = false) {
        struct bytes word = bytes_next_word(&rest, ' ');
        struct bytes hard = bytes_next_word(&rest, ' ');
        struct bytes soft = bytes_next_word(&rest, ' ');
        struct bytes seconds = bytes_next_word(&rest, ' ');
        enum output_class class;

        if (seconds.len == 0) {
            break;
        }
        if (!parse_output_class(word, &class)) {
            errmsg_set(error, "Invalid client class specified in buffer limit configuration.");
            return false;
        }
        if (!num_parse_size(hard, &limits[class].hard_bytes) ||
            !num_parse_size(soft, &limits[class].soft_bytes) ||
            !num_parse_i64(seconds, &limits[class].soft_seconds) ||
            limits[class].soft_seconds < 0) {
            errmsg_set(error, "Error in hard, soft or soft_seconds setting in buffer limit "
                              "configuration.");
            return false;
        }
    }
    if (is_empty || rest.len > 0) {
        errmsg_set(error, "Wrong number of arguments in buffer limit configuration.");
        return false;
    }
    memcpy(config->output_limits, limits, sizeof(limits));
    format_output_limits(config, text);
    return true;
}

/* Bytes, or a part of maxmemory. */
static bool check_clients_memory(struct config *config, struct buf *text, struct errmsg *error)
{
    struct bytes value = buf_bytes(text);
    struct clients_memory limit = {0};
    bool is_part = value.len > 0 && value.data[value.len - 1] == '%';

    if (is_part ? !num_parse_i64(bytes_prefix(value, value.len - 1), &limit.percent) ||
                      limit.percent < 0
                : !num_parse_size(value, &limit.bytes) || limit.bytes > INT64_MAX) {
        errmsg_set(error, "argument must be a memory or percent value");
        return false;
    }
    if (limit.percent > 100) {
        errmsg_set(error, "percentage argument must be less or equal to 100");
        return false;
    }
    config->clients_memory = limit;
    if (!is_part) {
        buf_clear(text);
        buf_append_i64(text, (int64_t)limit.bytes);
    }
    return true;
}

static bool check_dbfilename(struct config *config, struct buf *text, struct errmsg *error)
{
    (void)config;
    if (bytes_find_byte(buf_bytes(text), '/') != SIZE_MAX) {
        errmsg_set(error, "dbfilename can't be a path, just a filename");
        return false;
    }
    return true;
}

/* A lone - names no address, and must not come to mean all of them. */
static bool check_bind(struct config *config, struct buf *text, struct errmsg *error)
{
    struct bytes rest = buf_bytes(text);

    (void)config;
    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        if (bytes_equal_text(word, "-")) {
            errmsg_set(error, "'-' is no address");
            return false;
        }
    }
    return true;
}

static bool check_unix_mode(struct config *config, struct buf *text, struct errmsg *error)
{
    uint32_t mode = 0;

    (void)config;
    for (size_t i = 0; i < text->len && mode <= MODE_MAX; i++) {
        char c = text->data[i];

        mode = c >= '0' && c <= '7' ? mode * 8 + (uint32_t)(c - '0') : MODE_MAX + 1;
    }
    if (text->len == 0 || mode > MODE_MAX) {
        errmsg_set(error, "argument must be an octal mode up to 777");
        return false;
    }
    return true;
}

static bool check_replicaof(struct config *config, struct buf *text, struct errmsg *error)
{
    struct bytes rest = buf_bytes(text);
    struct bytes host = bytes_next_word(&rest, ' ');
    struct bytes port = bytes_next_word(&rest, ' ');
    int64_t number;

    (void)config;
    if (host.len == 0) {
        return true;
    }
    if (port.len == 0 || rest.len > 0) {
        errmsg_set(error, "wrong number of arguments");
        return false;
    }
    if (bytes_equal_nocase(host, "no") && bytes_equal_nocase(port, "one")) {
        buf_clear(text);
        return true;
    }
    if (!num_parse_i64(port, &number) || number < 1 || number > 65535) {
        errmsg_set(error, "Invalid master port");
        return false;
    }
    return true;
}

static bool check_hostname(struct config *config, struct buf *text, struct errmsg *error)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

    (void)config;
    if (text->len >= HOSTNAME_SIZE) {
        errmsg_set(error, "Hostnames must be less than %d characters", HOSTNAME_SIZE);
        return false;
    }
    for (size_t i = 0; i < text->len; i++) {
        if (strchr(allowed, text->data[i]) == NULL) {
            errmsg_set(error,
                       "Hostnames may only contain alphanumeric characters, hyphens or dots");
            return false;
        }
    }
    return true;
}

static bool check_ip(struct config *config, struct buf *text, struct errmsg *error)
{
    unsigned char raw[sizeof(struct in6_addr)];

    (void)config;
    if (text->len == 0 || inet_pton(AF_INET, buf_text(text), raw) == 1 ||
        inet_pton(AF_INET6, buf_text(text), raw) == 1) {
        return true;
    }
    errmsg_set(error, "argument must be an IPv4 or IPv6 address");
    return false;
}

static bool check_percentiles(struct config *config, struct buf *text, struct errmsg *error)
{
    double percentiles[CONFIG_PERCENTILES_MAX];
    struct bytes rest = buf_bytes(text);
    struct buf plain = {0};
    size_t count = 0;

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        double percent;

        if (count == CONFIG_PERCENTILES_MAX) {
            errmsg_set(error, "more than %d percentiles", CONFIG_PERCENTILES_MAX);
            break;
        }
        if (!num_parse_f64(word, &percent)) {
            errmsg_set(error, "Invalid latency-tracking-info-percentiles parameters");
            break;
        }
        if (!(percent >= 0.0 && percent <= 100.0)) {
            errmsg_set(error, "latency-tracking-info-percentiles parameters should sit between "
                              "[0.0,100.0]");
            break;
        }
        buf_printf(&plain, "%s%.8g", count > 0 ? " " : "", percent);
        percentiles[count++] = percent;
    }
    if (error->text[0] != '\0') {
        buf_deinit(&plain);
        return false;
    }
    buf_deinit(text);
    *text = plain;
    memcpy(config->percentiles, percentiles, count * sizeof(percentiles[0]));
    config->percentile_count = count;
    return true;
}

/* The form alone: the cluster reads hosts more closely. */
static bool check_seeds(struct config *config, struct buf *text, struct errmsg *error)
{
    struct bytes rest = buf_bytes(text);

    (void)config;
    for (struct bytes word = bytes_next_word(&rest, ','); word.len > 0;
         word = bytes_next_word(&rest, ',')) {
        size_t colon = word.len;

        while (colon > 0 && word.data[colon - 1] != ':') {
            colon--;
        }
        if (colon < 2 || colon == word.len || word.data[colon] < '1' || word.data[colon] > '9') {
            errmsg_set(error, "addresses of nodes are expected, host:port,host:port");
            return false;
        }
    }
    return true;
}

static bool check_events(struct config *config, struct buf *text, struct errmsg *error)
{
    struct buf letters = {0};

    if (!event_classes_parse(buf_bytes(text), &config->event_classes)) {
        event_classes_letters(&letters);
        errmsg_set(error, "Invalid event class character. Use '%s'.", buf_text(&letters));
        buf_deinit(&letters);
        return false;
    }
    buf_clear(text);
    event_classes_format(config->event_classes, text);
    return true;
}

bool option_check(struct config *config, const struct option *option, struct buf *text,
                  struct errmsg *error)
{
    static const struct {
        size_t field;
        bool (*check)(struct config *config, struct buf *text, struct errmsg *error);
    } checks[] = {
        {offsetof(struct config, save),                       check_save          },
        {offsetof(struct config, client_output_buffer_limit), check_output_limits },
        {offsetof(struct config, maxmemory_clients),          check_clients_memory},
        {offsetof(struct config, dbfilename),                 check_dbfilename    },
        {offsetof(struct config, bind),                       check_bind          },
        {offsetof(struct config, unixsocketperm),             check_unix_mode     },
        {offsetof(struct config, replicaof),                  check_replicaof     },
        {offsetof(struct config, cluster_announce_hostname),  check_hostname      },
        {offsetof(struct config, cluster_announce_ip),        check_ip            },
        {offsetof(struct config, cluster_seeds),              check_seeds         },
        {offsetof(struct config, latency_percentiles),        check_percentiles   },
        {offsetof(struct config, notify_keyspace_events),     check_events        },
    };

    for (size_t i = 0; i < ARRAY_COUNT(checks); i++) {
        if (option->field == checks[i].field) {
            return checks[i].check(config, text, error);
        }
    }
    return true;
}

/* ---- together --------------------------------------------------------------------------------- */

/* Could nobody but this machine reach it?  A name may be any address. */
static bool is_loopback(struct bytes word)
{
    bool is_ip4 = true;

    if (word.len > 0 && word.data[0] == '-') {
        word = bytes_from(word, 1);
    }
    for (size_t i = 0; i < word.len; i++) {
        is_ip4 = is_ip4 && ((word.data[i] >= '0' && word.data[i] <= '9') || word.data[i] == '.');
    }
    return (is_ip4 && bytes_has_prefix(word, "127.")) || bytes_equal_text(word, "::1") ||
           bytes_equal_nocase(word, "localhost");
}

/* An address of bind beyond this machine; empty: there is none. */
static struct bytes find_open_address(const struct config *config)
{
    struct bytes rest = bytes_from_text(config->bind);

    for (struct bytes word = bytes_next_word(&rest, ' '); word.len > 0;
         word = bytes_next_word(&rest, ' ')) {
        if (!is_loopback(word)) {
            return word;
        }
    }
    return (struct bytes){0};
}

static void check_bus(const struct config *config, struct buf *problems)
{
    struct bytes address = find_open_address(config);

    if (config->cluster_secret_previous[0] != '\0' && config->cluster_secret[0] == '\0') {
        buf_append_text(problems,
                        "cluster-secret-previous needs a cluster-secret that follows it\n");
    }
    if (config->cluster_enabled && config->cluster_secret[0] == '\0' &&
        !config->cluster_allow_open_bus && address.len > 0) {
        buf_printf(problems,
                   "the cluster bus would be open to everybody who reaches %.*s, who could take "
                   "over or delete all data: set cluster-secret, the same on all nodes, or bind "
                   "loopback addresses only, or say cluster-allow-open-bus yes\n",
                   BYTES_ARGS(address));
    }
}

bool config_validate(const struct config *config, struct buf *problems)
{
    size_t before = problems->len;
    bool has_tcp = config->port != 0 && config->bind[0] != '\0';

    if (!has_tcp && config->unixsocket[0] == '\0') {
        buf_printf(problems, "%s and no unixsocket is given: nowhere to listen\n",
                   config->port == 0 ? "port is 0" : "bind is empty");
    }
    if (config->cluster_enabled && config->replicaof[0] != '\0') {
        buf_append_text(problems, "replicaof directive not allowed in cluster mode\n");
    }
    if (config->cluster_arbiter && !config->cluster_enabled) {
        buf_append_text(problems, "cluster-arbiter is for cluster mode: cluster-enabled yes\n");
    }
    if (config->cluster_enabled && !has_tcp) {
        buf_append_text(problems, "cluster mode needs a TCP port and an address to bind\n");
    }
    if (config->cluster_enabled && config->cluster_port == 0 &&
        config->port > UINT16_MAX - BUS_PORT_OFFSET) {
        buf_append_text(problems, "port + 10000 is no port: give cluster-port\n");
    }
    check_bus(config, problems);
    if (config->cluster_enabled && strcmp(config->dbfilename, config->cluster_config_file) == 0) {
        buf_append_text(problems, "dbfilename and cluster-config-file are the same file\n");
    }
    return problems->len == before;
}

int64_t config_replica_ping_ms(const struct config *config)
{
    int64_t asked_ms = config->repl_ping_period_s * 1000;
    int64_t most_ms = config->repl_timeout_s * 1000 / SIGNS_OF_LIFE_IN_TIMEOUT;

    return asked_ms < most_ms ? asked_ms : most_ms;
}

uint16_t config_bus_port(const struct config *config)
{
    if (!config->cluster_enabled) {
        return 0;
    }
    return (uint16_t)(config->cluster_port != 0 ? config->cluster_port
                                                : config->port + BUS_PORT_OFFSET);
}
