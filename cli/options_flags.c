/* SPDX-License-Identifier: MIT */
/* Every flag of the program, group by group, and in front of them the setters of those that do more
 * than fill a field. */
#include "cli/options_flags.h"

#include "base/mem.h"
#include "base/num.h"
#include "cli/options.h"
#include "cli/uri.h"
#include "spec/slot.h"

#include <ctype.h>
#include <string.h>

#define FLAG_OF struct options

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

static bool set_uri(void *target, const char *value, struct errmsg *error)
{
    return uri_parse(target, value, error);
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
MODE_FLAG(set_bigkeys, OPTIONS_BIGKEYS)
MODE_FLAG(set_memkeys, OPTIONS_MEMKEYS)
MODE_FLAG(set_keystats, OPTIONS_KEYSTATS)
MODE_FLAG(set_hotkeys, OPTIONS_HOTKEYS)
MODE_FLAG(set_stat, OPTIONS_STAT)
MODE_FLAG(set_latency, OPTIONS_LATENCY)
MODE_FLAG(set_latency_history, OPTIONS_LATENCY_HISTORY)
MODE_FLAG(set_latency_dist, OPTIONS_LATENCY_DIST)
MODE_FLAG(set_replica, OPTIONS_REPLICA)
MODE_FLAG(set_cluster, OPTIONS_CLUSTER)
MODE_FLAG(set_bench, OPTIONS_BENCH)

static bool set_interval(void *target, const char *value, struct errmsg *error)
{
    static const struct flag_row row = FLAG_ROW_SECONDS("-i", interval_ms, 0, NULL);

    ((struct options *)target)->has_interval = true;
    return flags_store(&row, target, value, error);
}

static bool set_repeat(void *target, const char *value, struct errmsg *error)
{
    static const struct flag_row row =
        FLAG_ROW_NUMBER("-r", NULL, repeat, INT64_MIN, INT64_MAX, NULL);

    ((struct options *)target)->has_repeat = true;
    return flags_store(&row, target, value, error);
}

static bool set_quoted_pattern(void *target, const char *value, struct errmsg *error)
{
    struct options *o = target;

    (void)error;
    o->pattern = value;
    o->has_quoted_pattern = true;
    return true;
}

static bool set_pattern(void *target, const char *value, struct errmsg *error)
{
    struct options *o = target;

    (void)error;
    o->pattern = value;
    o->has_quoted_pattern = false;
    return true;
}

static bool set_rdb(void *target, const char *value, struct errmsg *error)
{
    (void)error;
    ((struct options *)target)->mode = OPTIONS_RDB;
    ((struct options *)target)->rdb_path = value;
    return true;
}

static bool set_functions_rdb(void *target, const char *value, struct errmsg *error)
{
    bool is_ok = set_rdb(target, value, error);

    ((struct options *)target)->mode = OPTIONS_FUNCTIONS_RDB;
    return is_ok;
}

static bool set_backup(void *target, const char *value, struct errmsg *error)
{
    (void)error;
    ((struct options *)target)->mode = OPTIONS_BACKUP;
    ((struct options *)target)->backup_dir = value;
    return true;
}

static bool set_import(void *target, const char *value, struct errmsg *error)
{
    (void)error;
    ((struct options *)target)->mode = OPTIONS_IMPORT;
    ((struct options *)target)->import_path = value;
    return true;
}

static bool set_check_log(void *target, const char *value, struct errmsg *error)
{
    (void)error;
    ((struct options *)target)->mode = OPTIONS_CHECK_LOG;
    ((struct options *)target)->log_dir = value;
    return true;
}

static bool set_from(void *target, const char *value, struct errmsg *error)
{
    struct log_range *range = &((struct options *)target)->shown;

    range->has_from = true;
    return log_place_parse(bytes_from_text(value), &range->from, error);
}

static bool set_to(void *target, const char *value, struct errmsg *error)
{
    struct log_range *range = &((struct options *)target)->shown;

    range->has_to = true;
    return log_place_parse(bytes_from_text(value), &range->to, error);
}

static bool set_intrinsic_latency(void *target, const char *value, struct errmsg *error)
{
    static const struct flag_row row =
        FLAG_ROW_SECONDS("--intrinsic-latency", intrinsic_ms, 1, NULL);

    ((struct options *)target)->mode = OPTIONS_INTRINSIC_LATENCY;
    return flags_store(&row, target, value, error);
}

static bool set_lru_test(void *target, const char *value, struct errmsg *error)
{
    static const struct flag_row row =
        FLAG_ROW_NUMBER("--lru-test", NULL, lru_keys, 1, INT64_MAX, NULL);

    ((struct options *)target)->mode = OPTIONS_LRU_TEST;
    return flags_store(&row, target, value, error);
}

static bool set_show_pushes(void *target, const char *value, struct errmsg *error)
{
    bool is_yes = tolower((unsigned char)value[0]) == 'y';

    if (!is_yes && tolower((unsigned char)value[0]) != 'n') {
        errmsg_set(error, "Unknown --show-pushes value '%s' (valid: '[y]es', '[n]o')", value);
        return false;
    }
    ((struct options *)target)->shows_pushes = is_yes;
    return true;
}

bool options_take_weight(struct options *o, const char *value, struct errmsg *error)
{
    struct bytes rest = bytes_from_text(value);
    size_t equals = bytes_find_byte(rest, '=');
    double weight;

    if (equals == SIZE_MAX || equals == 0 ||
        !num_parse_f64(bytes_from(rest, equals + 1), &weight) || weight < 0) {
        errmsg_set(error, "--cluster-weight takes <node id>=<weight>, not '%s'", value);
        return false;
    }
    if (o->cluster_weight_count == CLUSTER_WEIGHTS_MAX) {
        errmsg_set(error, "At most %d weights can be given", CLUSTER_WEIGHTS_MAX);
        return false;
    }
    o->cluster_weights[o->cluster_weight_count++] = value;
    return true;
}

static bool set_weight(void *target, const char *value, struct errmsg *error)
{
    return options_take_weight(target, value, error);
}

static bool set_threshold(void *target, const char *value, struct errmsg *error)
{
    struct options *o = target;

    if (!num_parse_f64(bytes_from_text(value), &o->cluster_threshold_percent) ||
        o->cluster_threshold_percent < 0) {
        errmsg_set(error, "--cluster-threshold takes percents, such as 2.5, not '%s'", value);
        return false;
    }
    return true;
}

static bool set_measure(void *target, const char *value, struct errmsg *error)
{
    static const char *const names[] = {
        [CLUSTER_BY_SLOTS] = "slots",
        [CLUSTER_BY_KEYS] = "keys",
        [CLUSTER_BY_MEMORY] = "memory",
        [CLUSTER_BY_LOAD] = "load",
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (strcmp(names[i], value) == 0) {
            ((struct options *)target)->cluster_measure = (enum cluster_measure)i;
            return true;
        }
    }
    errmsg_set(error, "--cluster-by takes slots, keys, memory or load, not '%s'", value);
    return false;
}

static const struct flag_row connection_rows[] = {
    FLAG_ROW_CALL("-h", "<host>", set_host, "Host of the server (default: 127.0.0.1)"),
    FLAG_ROW_NUMBER("-p", "<port>", port, 1, 65535, "Port of the server (default: 6379)"),
    FLAG_ROW_TEXT("-s", "<path>", unix_path, "Unix socket of the server, instead of host and port"),
    FLAG_ROW_CALL(
        "-a", "<password>", set_password,
        "Password; STARLING_AUTH or REDISCLI_AUTH in the environment cannot be seen by others"),
    FLAG_ROW_CALL("--pass", "<password>", set_password, NULL),
    FLAG_ROW_BOOL("--askpass", asks_password,
                  "Ask for the password, or read it as the first line of standard input"),
    FLAG_ROW_CALL("--user", "<name>", set_user, "User that the password belongs to"),
    FLAG_ROW_CALL("-u", "<uri>", set_uri, "redis://user:password@host:port/db"),
    FLAG_ROW_ALONE("-2", set_protocol_2, "Speak RESP2"),
    FLAG_ROW_ALONE("-3", set_protocol_3, "Speak RESP3"),
    FLAG_ROW_BOOL("--no-auth-warning", has_no_auth_warning,
                  "Do not warn about a password on the command line"),
    FLAG_ROW_BOOL("--verbose", is_verbose, "Report connections on standard error"),
};

/* Those that mean something else to the benchmark. */
static const struct flag_row session_rows[] = {
    FLAG_ROW_NUMBER("-n", "<db>", db, 0, INT32_MAX, "Database number"),
    FLAG_ROW_SECONDS(
        "-t", timeout_ms, 1,
        "Time limit of connecting and of each reply (default: none; 5 in cluster management)"),
};

static const struct flag_row command_rows[] = {
    FLAG_ROW_BOOL("-c", follows_redirects, "Follow MOVED and ASK (cluster mode)"),
    FLAG_ROW_CALL("-r", "<count>", set_repeat, "Repeat the command, -1 for ever"),
    FLAG_ROW_CALL("-i", "<seconds>", set_interval, "Wait between repetitions, decimals allowed"),
    FLAG_ROW_BOOL("-x", reads_last_word, "Read the last argument from standard input"),
    FLAG_ROW_TEXT("-X", "<tag>", stdin_tag,
                  "Read the argument that is written <tag> from standard input"),
    FLAG_ROW_BOOL("--quoted-input", has_quoted_words,
                  "Words of the command may be quoted as at the keyboard"),
    FLAG_ROW_BOOL("-e", fails_on_error,
                  "Exit with 1 when a reply is an error, which goes to standard error"),
};

static const struct flag_row output_rows[] = {
    FLAG_ROW_ALONE("--raw", set_raw, "Plain replies (default unless on a terminal)"),
    FLAG_ROW_ALONE("--no-raw", set_no_raw, "Replies for people (default on a terminal)"),
    FLAG_ROW_ALONE("--csv", set_csv, "Comma separated values"),
    FLAG_ROW_ALONE("--json", set_json, "JSON; asks for RESP3 unless -2 stands before it"),
    FLAG_ROW_ALONE("--quoted-json", set_quoted_json, "JSON of ASCII only, other bytes spelled"),
    FLAG_ROW_TEXT("-d", "<text>", render.delimiter,
                  "Between elements of raw output (default: a line end)"),
    FLAG_ROW_TEXT("-D", "<text>", render.terminator, "Behind each raw reply (default: a line end)"),
    FLAG_ROW_CALL("--show-pushes", "<yes|no>", set_show_pushes,
                  "Print RESP3 pushes (default: yes on a terminal)"),
};

static const struct flag_row mode_rows[] = {
    FLAG_ROW_ALONE(
        "--pipe", set_pipe,
        "Send commands (RESP or lines) from standard input, count replies; with -c each to "
        "the node of its key"),
    FLAG_ROW_SECONDS("--pipe-timeout", pipe_timeout_ms, 0,
                     "Longest silence while the last replies are due (default: 30, 0: none)"),
    FLAG_ROW_ALONE("--scan", set_scan, "List the keys; -i rests between two steps"),
    FLAG_ROW_CALL("--pattern", "<glob>", set_pattern, "Only keys that match"),
    FLAG_ROW_CALL("--quoted-pattern", "<glob>", set_quoted_pattern,
                  "The same, quoted as at the keyboard"),
    FLAG_ROW_NUMBER("--count", "<n>", scan_count, 1, INT32_MAX, "Keys looked at in one step"),
    FLAG_ROW_TEXT("--type", "<type>", type, "Only keys of that type"),
    FLAG_ROW_ALONE("--bigkeys", set_bigkeys,
                   "The biggest keys and average sizes of each type; -i rests after every hundred "
                   "steps"),
    FLAG_ROW_ALONE("--memkeys", set_memkeys, "The same by memory"),
    FLAG_ROW_NUMBER("--memkeys-samples", "<n>", memory_samples, 0, INT32_MAX,
                    "Elements that are looked at to know a key's memory; 0: all"),
    FLAG_ROW_ALONE("--keystats", set_keystats,
                   "Sizes and memory of keys: the largest, by type, and how they are spread"),
    FLAG_ROW_NUMBER("--keystats-samples", "<n>", memory_samples, 0, INT32_MAX,
                    "The same as --memkeys-samples"),
    FLAG_ROW_NUMBER("--top", "<n>", top_count, 0, 100, "Keys that --keystats lists (default: 10)"),
    FLAG_ROW_ALONE("--hotkeys", set_hotkeys,
                   "The keys that are used most, of all nodes of a cluster, with their rates"),
    FLAG_ROW_ALONE("--stat", set_stat,
                   "A line of statistics every second, or every -i seconds; -r of them"),
    FLAG_ROW_ALONE("--latency", set_latency,
                   "Round trip times; without a terminal one line after a second, or -i"),
    FLAG_ROW_ALONE("--latency-history", set_latency_history,
                   "The same, a line every 15 seconds, or -i; -r of them"),
    FLAG_ROW_ALONE("--latency-dist", set_latency_dist,
                   "The same as a spectrum of colours, a line every second, or -i; -r of them"),
    FLAG_ROW_CALL("--intrinsic-latency", "<seconds>", set_intrinsic_latency,
                  "How long the system itself holds up a program that only counts"),
    FLAG_ROW_CALL("--lru-test", "<keys>", set_lru_test,
                  "Use the server as a cache of so many keys, four of five reads for a fifth of "
                  "them; it writes lru:* keys"),
    FLAG_ROW_CALL("--rdb", "<file>", set_rdb, "Fetch a snapshot into a file; - is standard output"),
    FLAG_ROW_CALL("--functions-rdb", "<file>", set_functions_rdb,
                  "The same with functions only, of servers that have them"),
    FLAG_ROW_CALL(
        "--backup", "<dir>", set_backup,
        "Make a backup of the server in a folder on which a server starts; again: add what "
        "is new"),
    FLAG_ROW_BOOL("--follow", follows_stream, "With --backup: keep adding until Ctrl-C"),
    FLAG_ROW_CALL("--import", "<path>", set_import,
                  "Bring what an RDB file, an AOF or the folder of a Redis server holds into the "
                  "server, or its cluster"),
    FLAG_ROW_BOOL("--replace", replaces,
                  "With --import: also into a server that has keys; those of the same name are "
                  "replaced"),
    FLAG_ROW_ALONE("--replica", set_replica, "Show the commands that a replica is sent, as CSV"),
    FLAG_ROW_CALL(
        "--check-log", "<dir>", set_check_log,
        "Read the log on disk of a server, without one: is it whole? dir is the server's, "
        "or that of the log"),
    FLAG_ROW_BOOL(
        "--show", shows_log,
        "With --check-log: list what is in it, with the offset and the time of each request"),
    FLAG_ROW_CALL("--from", "<place>", set_from,
                  "With --show: only from that offset or time (2026-11-27T13:26:40Z, @seconds) on"),
    FLAG_ROW_CALL("--to", "<place>", set_to, "With --show: only up to there"),
    FLAG_ROW_BOOL("--repair", repairs,
                  "With --check-log: cut a damaged log where it is good, keep the rest aside"),
    FLAG_ROW_BOOL("--yes", says_yes, "With --repair: do not ask"),
    FLAG_ROW_ALONE("--bench", set_bench, "Make load; --bench --help says more"),
    FLAG_ROW_ALONE("--help", set_help, "This text"),
    FLAG_ROW_ALONE("--version", set_version, "The version"),
    FLAG_ROW_ALONE("-v", set_version, NULL),
};

static const struct flag_row cluster_rows[] = {
    FLAG_ROW_ALONE(
        "--cluster", set_cluster,
        "Manage a cluster: a command and its arguments follow; --cluster help lists them"),
    FLAG_ROW_NUMBER("--cluster-replicas", "<n>", cluster_replicas, 0, 1000,
                    "Replicas of each primary (default: 0)"),
    FLAG_ROW_SECONDS("--cluster-timeout", cluster_timeout_ms, 1,
                     "Time limit of create and wait, and of one MIGRATE (default: 60)"),
    FLAG_ROW_BOOL("--cluster-yes", cluster_yes, "Do not ask"),
    FLAG_ROW_TEXT("--cluster-from", "<ids>", cluster_from,
                  "reshard: the sources, with commas between them, or all; import: host:port"),
    FLAG_ROW_TEXT("--cluster-from-user", "<name>", cluster_from_user, "import: a user there"),
    FLAG_ROW_TEXT("--cluster-from-pass", "<password>", cluster_from_password,
                  "import: the password there"),
    FLAG_ROW_BOOL("--cluster-from-askpass", cluster_from_asks_password,
                  "import: ask for that password"),
    FLAG_ROW_BOOL("--cluster-copy", cluster_copies, "import: keys stay there, as they do anyway"),
    FLAG_ROW_BOOL("--cluster-follow", cluster_follows,
                  "import: then what is written there, until Ctrl-C"),
    FLAG_ROW_TEXT("--cluster-to", "<id>", cluster_to, "reshard: the target"),
    FLAG_ROW_NUMBER("--cluster-slots", "<n>", cluster_slots, 1, SLOT_COUNT,
                    "reshard: how many slots"),
    FLAG_ROW_NUMBER("--cluster-pipeline", "<n>", cluster_pipeline, 1, 100000,
                    "Keys of one MIGRATE (default: 10)"),
    FLAG_ROW_BOOL("--cluster-replace", cluster_replaces,
                  "Keys of the same name at the target are replaced"),
    FLAG_ROW_BOOL("--cluster-by-slot", cluster_by_slot,
                  "Move slot by slot with MIGRATE, though the servers could do it by themselves"),
    FLAG_ROW_BOOL("--cluster-dry-run", cluster_dry_run, "Print the plan, change nothing"),
    FLAG_ROW_BOOL("--cluster-simulate", cluster_dry_run, NULL),
    FLAG_ROW_CALL("--cluster-by", "<measure>", set_measure,
                  "rebalance: even shares of slots (default), keys, memory or load"),
    FLAG_ROW_CALL(
        "--cluster-weight", "<id=n>", set_weight,
        "rebalance: share of a node beside the others (default: 1 each); may be repeated"),
    FLAG_ROW_BOOL("--cluster-use-empty-masters", cluster_uses_empty,
                  "rebalance: primaries without slots get some"),
    FLAG_ROW_CALL("--cluster-threshold", "<percent>", set_threshold,
                  "rebalance: nothing moves when all are as near to their share (default: 2)"),
    FLAG_ROW_BOOL("--cluster-slave", cluster_as_replica, "add-node: as a replica"),
    FLAG_ROW_TEXT("--cluster-master-id", "<id>", cluster_primary_id,
                  "add-node: of that primary (default: of the one with fewest)"),
    FLAG_ROW_BOOL("--cluster-search-multiple-owners", cluster_joins_owners,
                  "check, fix: look for keys of slots at primaries that do not have these slots"),
    FLAG_ROW_BOOL("--cluster-fix-with-unreachable-masters", cluster_without_missing,
                  "fix: go on though primaries cannot be reached"),
    FLAG_ROW_BOOL("--watch", cluster_watches, "map: again every second, until Ctrl-C"),
};

#define TABLE(title, rows)                                                                         \
    {                                                                                              \
        (title), (rows), ARRAY_COUNT(rows)                                                         \
    }

static const struct flag_table tables[] = {
    TABLE("Connection", connection_rows),
    TABLE("Connection", session_rows),
    TABLE("Commands", command_rows),
    TABLE("Output", output_rows),
    TABLE("Modes", mode_rows),
    TABLE("Cluster management", cluster_rows),
};

const struct flag_table *options_flags(size_t *count)
{
    *count = ARRAY_COUNT(tables);
    return tables;
}

const struct flag_table *options_connection_flags(void)
{
    return &tables[0];
}
