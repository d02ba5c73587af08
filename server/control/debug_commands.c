/* SPDX-License-Identifier: MIT */
/* DEBUG: what tests need of a server, and nobody else should use.
 *
 * Names and replies are those that test suites for Redis know.  What is about structures that this
 * server does not have is accepted and does nothing. */
#include "control/control.h"
#include "node/inside.h"

#include "base/assert.h"
#include "base/glob.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    SECONDS_TEXT_MAX = 32,
    MATCH_TEXT_MAX = 64 * 1024 * 1024,
};

/* ---- checksums -------------------------------------------------------------------------------- */

static void reply_digest(struct request *request, const struct digest *digest)
{
    char text[64];

    snprintf(text, sizeof(text), "%016llx%016llx%08llx", (unsigned long long)digest->sums[0],
             (unsigned long long)digest->sums[1], (unsigned long long)digest->sums[2] >> 32);
    resp_write_simple(request->reply, text);
}

static void debug_digest(struct node *node, struct request *request)
{
    struct digest digest = {.types = keyspace_types(node->data.keyspace), .lanes = DIGEST_LANES};

    digest_all(node, &digest);
    reply_digest(request, &digest);
}

static struct entry *find_key(struct node *node, const struct request *request, size_t index)
{
    struct key_ref ref =
        keyspace_ref(node->data.keyspace, request->session->db, request->args[index]);

    return keyspace_find(node->data.keyspace, &ref, node->now.unix_ms);
}

static void debug_digest_value(struct node *node, struct request *request)
{
    resp_write_array(request->reply, request->arg_count - 2);
    for (size_t i = 2; i < request->arg_count; i++) {
        struct digest digest = {.types = keyspace_types(node->data.keyspace),
                                .lanes = DIGEST_LANES,
                                .is_value_only = true};
        const struct entry *e = find_key(node, request, i);

        if (e != NULL) {
            digest_entry(&digest, e);
        }
        reply_digest(request, &digest);
    }
}

/* ---- data ------------------------------------------------------------------------------------- */

static struct entry *get_key(struct node *node, struct request *request)
{
    struct entry *e = find_key(node, request, 2);

    if (e == NULL) {
        reply_error(request, "ERR no such key");
    }
    return e;
}

static void debug_object(struct node *node, struct request *request)
{
    const struct entry *e = get_key(node, request);
    struct buf body = {0};
    char text[256];
    int64_t idle_s;

    if (e == NULL) {
        return;
    }
    value_encode_body(keyspace_types(node->data.keyspace), e, &body);
    idle_s = entry_idle_seconds(e, node->now.unix_ms);
    snprintf(
        text, sizeof(text),
        "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%lld lru_seconds_idle:%lld",
        (const void *)e, value_form_name(entry_encoding(e)), body.len,
        (long long)((node->now.unix_ms / 1000 - idle_s) & 0xffffff), (long long)idle_s);
    resp_write_simple(request->reply, text);
    buf_deinit(&body);
}

static bool positive_argument(struct node *node, struct request *request, size_t index,
                              int64_t *out)
{
    (void)node;
    if (index >= request->arg_count || (num_parse_i64(request->args[index], out) && *out >= 0)) {
        return true;
    }
    reply_error(request, "ERR value is out of range, must be positive");
    return false;
}

/* Replicas are not told, and slots are not looked at: both as with Redis. */
static void debug_populate(struct node *node, struct request *request)
{
    struct bytes prefix = request->arg_count > 3 ? request->args[3] : BYTES_LITERAL("key");
    int64_t count = 0;
    int64_t size = 0;
    struct buf key = {0};
    struct buf value = {0};

    if (!positive_argument(node, request, 2, &count) ||
        !positive_argument(node, request, 4, &size)) {
        return;
    }
    if (size > node->config.proto_max_bulk_len) {
        reply_error(request, "ERR value is out of range");
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        struct key_ref ref;

        buf_clear(&key);
        buf_clear(&value);
        buf_printf(&key, "%.*s:%lld", BYTES_ARGS(prefix), (long long)i);
        buf_printf(&value, "value:%lld", (long long)i);
        if (request->arg_count > 4) {
            while (value.len < (size_t)size) {
                buf_append_byte(&value, '\0');
            }
            value.len = (size_t)size;
        }
        ref = keyspace_ref(node->data.keyspace, request->session->db, buf_bytes(&key));
        if (keyspace_find_any(node->data.keyspace, &ref) == NULL) {
            keyspace_set(node->data.keyspace, &ref, buf_bytes(&value), EXPIRE_NEVER);
        }
    }
    buf_deinit(&key);
    buf_deinit(&value);
    resp_write_ok(request->reply);
}

static void debug_htstats(struct node *node, struct request *request)
{
    unsigned databases = data_database_count(node);
    struct keyspace_memory memory;
    struct buf text = {0};
    int64_t db;

    if (!num_parse_i64(request->args[2], &db)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    if (db < 0 || db >= databases) {
        reply_error(request, "ERR Out of range database");
        return;
    }
    keyspace_memory(node->data.keyspace, &memory);
    buf_printf(&text,
               "[Dictionary HT]\n number of elements: %llu\n elements with an expiry: %llu\n"
               " bytes of all tables: %zu\n",
               (unsigned long long)keyspace_count(node->data.keyspace, (unsigned)db),
               (unsigned long long)keyspace_expire_count(node->data.keyspace, (unsigned)db),
               memory.table_bytes);
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

static void debug_htstats_key(struct node *node, struct request *request)
{
    if (get_key(node, request) != NULL) {
        reply_error(request,
                    "ERR The value stored at the specified key is not represented using an hash "
                    "table");
    }
}

static void debug_listpack(struct node *node, struct request *request)
{
    if (get_key(node, request) != NULL) {
        reply_error(request, "ERR Not a listpack encoded object.");
    }
}

static void debug_stringmatch_len(struct node *node, struct request *request)
{
    struct buf text = {0};
    int64_t len = 0;

    (void)node;
    if (!num_parse_i64(request->args[2], &len) || len < 0 || len > MATCH_TEXT_MAX) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    for (int64_t i = 0; i < len; i++) {
        buf_append_byte(&text, 'a');
    }
    (void)glob_match(request->args[3], buf_bytes(&text));
    buf_deinit(&text);
    resp_write_ok(request->reply);
}

/* ---- replies ---------------------------------------------------------------------------------- */

static void write_integers(struct resp_writer *w)
{
    for (int i = 0; i < 3; i++) {
        resp_write_integer(w, i);
    }
}

static void protocol_map(struct resp_writer *w)
{
    resp_write_map(w, 3);
    for (int i = 0; i < 3; i++) {
        resp_write_integer(w, i);
        resp_write_boolean(w, i == 1);
    }
}

static void protocol_attribute(struct resp_writer *w)
{
    if (w->version >= 3) {
        buf_append_text(w->out, "|1\r\n");
        resp_write_bulk_text(w, "key-popularity");
        resp_write_array(w, 2);
        resp_write_bulk_text(w, "key:123");
        resp_write_integer(w, 90);
    }
    resp_write_bulk_text(w, "Some real reply following the attribute");
}

static void protocol_push(struct resp_writer *w)
{
    if (w->version < 3) {
        resp_write_error(w, "ERR RESP2 is not supported by this command");
        return;
    }
    resp_write_push(w, 2);
    resp_write_bulk_text(w, "server-cpu-usage");
    resp_write_integer(w, 42);
    resp_write_bulk_text(w, "Some real reply following the push reply");
}

static void protocol_big_number(struct resp_writer *w)
{
    static const char number[] = "1234567999999999999999999999999999999";

    if (w->version >= 3) {
        buf_printf(w->out, "(%s\r\n", number);
    } else {
        resp_write_bulk_text(w, number);
    }
}

static void debug_protocol(struct node *node, struct request *request)
{
    struct resp_writer *w = request->reply;
    struct bytes type = request->args[2];

    (void)node;
    if (bytes_equal_nocase(type, "string")) {
        resp_write_bulk_text(w, "Hello World");
    } else if (bytes_equal_nocase(type, "integer")) {
        resp_write_integer(w, 12345);
    } else if (bytes_equal_nocase(type, "double")) {
        resp_write_double(w, 3.141);
    } else if (bytes_equal_nocase(type, "null")) {
        resp_write_null(w);
    } else if (bytes_equal_nocase(type, "array")) {
        resp_write_array(w, 3);
        write_integers(w);
    } else if (bytes_equal_nocase(type, "set")) {
        resp_write_set(w, 3);
        write_integers(w);
    } else if (bytes_equal_nocase(type, "map")) {
        protocol_map(w);
    } else if (bytes_equal_nocase(type, "attrib")) {
        protocol_attribute(w);
    } else if (bytes_equal_nocase(type, "push")) {
        protocol_push(w);
    } else if (bytes_equal_nocase(type, "verbatim")) {
        resp_write_verbatim(w, "txt", BYTES_LITERAL("This is a verbatim\nstring"));
    } else if (bytes_equal_nocase(type, "true") || bytes_equal_nocase(type, "false")) {
        resp_write_boolean(w, bytes_equal_nocase(type, "true"));
    } else if (bytes_equal_nocase(type, "bignum")) {
        protocol_big_number(w);
    } else {
        reply_error(
            request,
            "ERR Wrong protocol type name. Please use one of the following: "
            "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
    }
}

static void debug_error(struct node *node, struct request *request)
{
    struct bytes text = request->args[2];

    (void)node;
    if (text.len == 0 || text.data[0] == '\0') {
        text = BYTES_LITERAL("ERR"); /* there is no error without words */
    }
    reply_error(request, "%.*s", BYTES_ARGS(text));
}

/* ---- the server ------------------------------------------------------------------------------- */

static void debug_check(struct node *node, struct request *request)
{
    node_check(node);
    resp_write_ok(request->reply);
}

static void debug_log(struct node *node, struct request *request)
{
    node_log(node, LOG_WARNING, "DEBUG LOG: %.*s", BYTES_ARGS(request->args[2]));
    resp_write_ok(request->reply);
}

static void debug_sleep(struct node *node, struct request *request)
{
    char text[SECONDS_TEXT_MAX];
    double seconds;

    bytes_to_text(request->args[2], text, sizeof(text));
    seconds = strtod(text, NULL);
    if (isfinite(seconds) && seconds > 0 && seconds < 1e9) {
        node->env.sleep(node->env.context, (int64_t)(seconds * 1e6));
    }
    resp_write_ok(request->reply);
}

static void debug_set_active_expire(struct node *node, struct request *request)
{
    upkeep_set_expiring(node, !bytes_equal_text(request->args[2], "0"));
    resp_write_ok(request->reply);
}

static void debug_pause_cron(struct node *node, struct request *request)
{
    upkeep_pause(node, !bytes_equal_text(request->args[2], "0"));
    resp_write_ok(request->reply);
}

static void debug_change_repl_id(struct node *node, struct request *request)
{
    if (!node->role.is_primary) {
        reply_error(request, "ERR only a primary has a history of its own");
        return;
    }
    journal_begin_history(node);
    replicas_drop_all(node, "the history was changed by DEBUG");
    resp_write_ok(request->reply);
}

static bool parse_reload_options(const struct request *request, unsigned *options)
{
    static const struct {
        const char *name;
        enum reload_option option;
    } names[] = {
        {"NOSAVE",  RELOAD_NOSAVE },
        {"NOFLUSH", RELOAD_NOFLUSH},
        {"MERGE",   RELOAD_MERGE  },
    };

    *options = 0;
    for (size_t i = 2; i < request->arg_count; i++) {
        size_t at = 0;

        while (at < ARRAY_COUNT(names) && !bytes_equal_nocase(request->args[i], names[at].name)) {
            at++;
        }
        if (at == ARRAY_COUNT(names)) {
            return false;
        }
        *options |= (unsigned)names[at].option;
    }
    return true;
}

static void debug_reload(struct node *node, struct request *request)
{
    unsigned options;
    const char *problem;

    if (!parse_reload_options(request, &options)) {
        reply_error(request,
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    } else if (reload_is_blocked(node)) {
        reply_error(request, "ERR Background save already in progress");
    } else if ((options & RELOAD_NOSAVE) == 0) {
        reload_begin(node, request->session, options);
    } else if (!node->role.is_primary) {
        reply_error(request, "ERR a replica's data is its primary's: NOSAVE needs a primary");
    } else if ((problem = reload_now(node, options)) != NULL) {
        reply_error(request, "ERR %s", problem);
    } else {
        resp_write_ok(request->reply);
    }
}

/* Writes to memory that may only be read. */
static void debug_segfault(struct node *node, struct request *request)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)node;
    ASSERT(page != MAP_FAILED);
    *(volatile char *)page = 'x';
    resp_write_ok(request->reply);
}

static void debug_panic(struct node *node, struct request *request)
{
    (void)node;
    (void)request;
    assert_fail(__FILE__, __LINE__, "DEBUG PANIC was asked for");
}

static void debug_assert(struct node *node, struct request *request)
{
    (void)node;
    ASSERT(request->arg_count == 0);
}

/* About what this server does not have, or does in another way. */
static void debug_nothing(struct node *node, struct request *request)
{
    (void)node;
    resp_write_ok(request->reply);
}

static void debug_replybuffer(struct node *node, struct request *request)
{
    (void)node;
    if (bytes_equal_nocase(request->args[2], "PEAK-RESET-TIME") ||
        bytes_equal_nocase(request->args[2], "RESIZING")) {
        resp_write_ok(request->reply);
    } else {
        reply_sub_misused(request);
    }
}

/* ---- the table -------------------------------------------------------------------------------- */

static control_fn debug_help;

/* clang-format off */
static const struct debug_row {
    const char *name;
    control_fn *run;
    size_t least, most; /* words, DEBUG included */
    const char *arguments;
    const char *help;
} rows[] = {
    {"AOF-FLUSH-SLEEP",            debug_nothing,           3, 3,        "<microseconds>",             "Does nothing: there is no append-only file."              },
    {"ASSERT",                     debug_assert,            2, 2,        "",                           "End the server by an assertion that fails."               },
    {"CHANGE-REPL-ID",             debug_change_repl_id,    2, 2,        "",                           "Begin a new history, so that replicas need a full resync."},
    {"CHECK",                      debug_check,             2, 2,        "",                           "Assert the invariants of all rooms; the server ends when one is broken."},
    {"DICT-RESIZING",              debug_nothing,           3, 3,        "<0|1>",                      "Does nothing: tables have no big resize."                 },
    {"DIGEST",                     debug_digest,            2, 2,        "",                           "Return a checksum of the whole data, independent of order."},
    {"DIGEST-VALUE",               debug_digest_value,      2, SIZE_MAX, "[<key> ...]",                "Return a checksum of each key's value."                   },
    {"ERROR",                      debug_error,             3, 3,        "<string>",                   "Reply with this error."                                   },
    {"HELP",                       debug_help,              2, 2,        "",                           "Print this help."                                         },
    {"HTSTATS",                    debug_htstats,           3, 3,        "<db>",                       "Return what is known about the tables of a database."     },
    {"HTSTATS-KEY",                debug_htstats_key,       3, 3,        "<key>",                      "The same of a value; none has a table."                   },
    {"JMAP",                       debug_nothing,           2, 2,        "",                           "Does nothing."                                            },
    {"LISTPACK",                   debug_listpack,          3, 3,        "<key>",                      "Show the listpack of a value; none has one."              },
    {"LOG",                        debug_log,               3, 3,        "<message>",                  "Write a line to the log."                                 },
    {"OBJECT",                     debug_object,            3, 4,        "<key>",                      "Show the internal form of a value."                       },
    {"PANIC",                      debug_panic,             2, 2,        "",                           "End the server as a bug would."                           },
    {"PAUSE-CRON",                 debug_pause_cron,        3, 3,        "<0|1>",                      "Whether work by the clock rests."                         },
    {"POPULATE",                   debug_populate,          3, 5,        "<count> [<prefix>] [<size>]", "Make so many keys, without telling replicas."             },
    {"PROTOCOL",                   debug_protocol,          3, 3,        "<type>",                     "Reply with a value of a type of the protocol."            },
    {"QUICKLIST-PACKED-THRESHOLD", debug_nothing,           3, 3,        "<size>",                     "Does nothing: there are no lists."                        },
    {"RELOAD",                     debug_reload,            2, SIZE_MAX, "[NOSAVE] [NOFLUSH] [MERGE]", "Save the data and load it back; NOSAVE: load the file that is there; NOFLUSH: into the data that is there; MERGE: replacing keys."},
    {"REPLYBUFFER",                debug_replybuffer,       4, 4,        "<PEAK-RESET-TIME|RESIZING> <value>", "Does nothing: output buffers go round among clients."},
    {"SEGFAULT",                   debug_segfault,          2, 2,        "",                           "End the server by a forbidden access to memory."          },
    {"SET-ACTIVE-EXPIRE",          debug_set_active_expire, 3, 3,        "<0|1>",                      "Whether expired keys are removed before somebody asks for them."},
    {"SET-DISABLE-DENY-SCRIPTS",   debug_nothing,           3, 3,        "<0|1>",                      "Does nothing: there are no scripts."                      },
    {"SLEEP",                      debug_sleep,             3, 3,        "<seconds>",                  "Stand still for so long."                                 },
    {"STRINGMATCH-LEN",            debug_stringmatch_len,   4, 4,        "<length> <pattern>",         "Match a pattern against so many letters a."               },
};
/* clang-format on */

static void debug_help(struct node *node, struct request *request)
{
    (void)node;
    resp_write_array(request->reply, 1 + 2 * ARRAY_COUNT(rows));
    resp_write_simple(request->reply,
                      "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char text[256];

        snprintf(text, sizeof(text), "%s%s%s", rows[i].name,
                 rows[i].arguments[0] != '\0' ? " " : "", rows[i].arguments);
        resp_write_simple(request->reply, text);
        snprintf(text, sizeof(text), "    %s", rows[i].help);
        resp_write_simple(request->reply, text);
    }
}

void control_debug(struct node *node, struct request *request)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        if (bytes_equal_nocase(request->args[1], rows[i].name) &&
            request->arg_count >= rows[i].least && request->arg_count <= rows[i].most) {
            rows[i].run(node, request);
            return;
        }
    }
    reply_sub_misused(request);
}
