/* SPDX-License-Identifier: MIT */
/* CLIENT and its subcommands. */
#include "node/client.h"
#include "node/state.h"

#include "base/num.h"

bool client_is_allowed(const struct session *s, int protection)
{
    bool is_local = s->peer.is_loopback || s->peer.is_unix;

    return protection == PROTECTION_EVERYBODY || (protection == PROTECTION_LOCAL && is_local);
}

void control_client(struct node *node, struct call *call)
{
    /* Reached only without a subcommand, which the arity forbids. */
    reply_unknown_sub(node, call);
}

void control_client_id(struct node *node, struct call *call)
{
    (void)node;
    resp_write_integer(call->reply, (int64_t)call->session->id);
}

void control_client_getname(struct node *node, struct call *call)
{
    (void)node;
    if (call->session->name.len > 0) {
        resp_write_bulk(call->reply, buf_bytes(&call->session->name));
    } else {
        resp_write_null(call->reply);
    }
}

void control_client_setname(struct node *node, struct call *call)
{
    if (!client_name_is_valid(call->args[2])) {
        reply_error(node, call,
                    "ERR Client names cannot contain spaces, newlines or special characters.");
        return;
    }
    client_set_text(&call->session->name, call->args[2]);
    resp_write_ok(call->reply);
}

void control_client_setinfo(struct node *node, struct call *call)
{
    struct bytes option = call->args[2];
    struct session *s = call->session;

    if (!bytes_equal_nocase(option, "LIB-NAME") && !bytes_equal_nocase(option, "LIB-VER")) {
        reply_error(node, call, "ERR Unrecognized option '%.*s'",
                    option.len < 64 ? (int)option.len : 64, option.data);
        return;
    }
    if (!client_name_is_valid(call->args[3])) {
        reply_error(node, call, "ERR %s cannot contain spaces, newlines or special characters.",
                    bytes_equal_nocase(option, "LIB-NAME") ? "lib-name" : "lib-ver");
        return;
    }
    client_set_text(bytes_equal_nocase(option, "LIB-NAME") ? &s->lib_name : &s->lib_version,
                    call->args[3]);
    resp_write_ok(call->reply);
}

void control_client_info(struct node *node, struct call *call)
{
    struct buf text = {0};

    session_describe(call->session, node->now.mono, &text);
    buf_append_byte(&text, '\n');
    resp_write_verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

enum client_type {
    CLIENT_ANY,
    CLIENT_NORMAL,
    CLIENT_REPLICA,
    CLIENT_PRIMARY,
    CLIENT_PUBSUB,
};

static bool parse_type(struct bytes word, enum client_type *type)
{
    static const struct {
        const char *name;
        enum client_type type;
    } names[] = {
        {"normal",  CLIENT_NORMAL },
        {"replica", CLIENT_REPLICA},
        {"slave",   CLIENT_REPLICA},
        {"master",  CLIENT_PRIMARY},
        {"pubsub",  CLIENT_PUBSUB },
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(word, names[i].name)) {
            *type = names[i].type;
            return true;
        }
    }
    return false;
}

/* Which sessions CLIENT LIST and KILL mean; all-zero is all. */
struct filter {
    enum client_type type;
    struct bytes address;
    struct bytes local;
    const struct bytes *ids;
    size_t id_count;
    uint64_t id;
    int64_t max_age_s;
    bool skips_self;
};

static bool has_id(const struct filter *filter, uint64_t id)
{
    for (size_t i = 0; i < filter->id_count; i++) {
        uint64_t listed;

        if (num_parse_u64(filter->ids[i], &listed) && listed == id) {
            return true;
        }
    }
    return filter->id_count == 0;
}

static bool matches(const struct node *node, const struct filter *filter, const struct session *s,
                    const struct session *self)
{
    enum client_type type = (s->flags & SESSION_REPLICA) ? CLIENT_REPLICA : CLIENT_NORMAL;

    return (filter->type == CLIENT_ANY || filter->type == type) && has_id(filter, s->id) &&
           (filter->id == 0 || filter->id == s->id) &&
           (filter->address.data == NULL || bytes_equal_text(filter->address, s->peer.address)) &&
           (filter->local.data == NULL || bytes_equal_text(filter->local, s->peer.local)) &&
           (filter->max_age_s == 0 ||
            mono_ms_between(s->created_at, node->now.mono) / 1000 >= filter->max_age_s) &&
           !(filter->skips_self && s == self);
}

void control_client_list(struct node *node, struct call *call)
{
    struct filter filter = {0};
    struct buf text = {0};
    uint64_t id;

    if (call->arg_count == 4 && bytes_equal_nocase(call->args[2], "TYPE")) {
        if (!parse_type(call->args[3], &filter.type)) {
            reply_error(node, call, "ERR Unknown client type '%.*s'",
                        call->args[3].len < 64 ? (int)call->args[3].len : 64, call->args[3].data);
            return;
        }
    } else if (call->arg_count >= 4 && bytes_equal_nocase(call->args[2], "ID")) {
        filter.ids = call->args + 3;
        filter.id_count = call->arg_count - 3;
        for (size_t i = 0; i < filter.id_count; i++) {
            if (!num_parse_u64(filter.ids[i], &id) || id == 0) {
                reply_error(node, call, "ERR Invalid client ID");
                return;
            }
        }
    } else if (call->arg_count != 2) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        if (!(s->flags & SESSION_CLOSED) && matches(node, &filter, s, call->session)) {
            session_describe(s, node->now.mono, &text);
            buf_append_byte(&text, '\n');
        }
    }
    resp_write_verbatim(call->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

/* One pair of option and value of CLIENT KILL. */
static bool kill_option(struct node *node, struct call *call, size_t at, struct filter *filter)
{
    struct bytes option = call->args[at];
    struct bytes value = call->args[at + 1];

    if (bytes_equal_nocase(option, "ID")) {
        if (!num_parse_u64(value, &filter->id) || filter->id == 0) {
            reply_error(node, call, "ERR client-id should be greater than 0");
            return false;
        }
    } else if (bytes_equal_nocase(option, "TYPE")) {
        if (!parse_type(value, &filter->type)) {
            reply_error(node, call, "ERR Unknown client type '%.*s'",
                        value.len < 64 ? (int)value.len : 64, value.data);
            return false;
        }
    } else if (bytes_equal_nocase(option, "ADDR")) {
        filter->address = value;
    } else if (bytes_equal_nocase(option, "LADDR")) {
        filter->local = value;
    } else if (bytes_equal_nocase(option, "USER")) {
        if (!bytes_equal_text(value, "default")) {
            reply_error(node, call, "ERR No such user '%.*s'", value.len < 64 ? (int)value.len : 64,
                        value.data);
            return false;
        }
    } else if (bytes_equal_nocase(option, "MAXAGE")) {
        if (!num_parse_i64(value, &filter->max_age_s) || filter->max_age_s < 1) {
            reply_error(node, call, "ERR maxage is not an integer or out of range");
            return false;
        }
    } else if (bytes_equal_nocase(option, "SKIPME") &&
               (bytes_equal_nocase(value, "yes") || bytes_equal_nocase(value, "no"))) {
        filter->skips_self = bytes_equal_nocase(value, "yes");
    } else {
        reply_error(node, call, "ERR syntax error");
        return false;
    }
    return true;
}

void control_client_kill(struct node *node, struct call *call)
{
    struct filter filter = {.skips_self = true};
    bool is_old_form = call->arg_count == 3;
    int64_t killed = 0;

    if (is_old_form) {
        filter = (struct filter){.address = call->args[2]};
    } else if (call->arg_count % 2 != 0) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    for (size_t i = 2; !is_old_form && i < call->arg_count; i += 2) {
        if (!kill_option(node, call, i, &filter)) {
            return;
        }
    }
    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        if (!session_is_closing(s) && matches(node, &filter, s, call->session)) {
            node_close_session(node, s, s == call->session);
            killed++;
        }
    }
    if (!is_old_form) {
        resp_write_integer(call->reply, killed);
    } else if (killed > 0) {
        resp_write_ok(call->reply);
    } else {
        reply_error(node, call, "ERR No such client");
    }
}

void control_client_reply(struct node *node, struct call *call)
{
    struct session *s = call->session;
    struct bytes mode = call->args[2];

    if (bytes_equal_nocase(mode, "ON")) {
        s->flags &= ~(uint32_t)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT);
        resp_write_ok(call->reply);
    } else if (bytes_equal_nocase(mode, "OFF")) {
        s->flags |= SESSION_REPLY_OFF;
    } else if (bytes_equal_nocase(mode, "SKIP")) {
        s->flags |= (s->flags & SESSION_REPLY_OFF) ? 0 : SESSION_REPLY_SKIP_NEXT;
    } else {
        reply_error(node, call, "ERR syntax error");
    }
}

static void set_flag(struct node *node, struct call *call, uint32_t flag)
{
    bool is_on = bytes_equal_nocase(call->args[2], "ON");

    if (!is_on && !bytes_equal_nocase(call->args[2], "OFF")) {
        reply_error(node, call, "ERR syntax error");
        return;
    }
    call->session->flags = (call->session->flags & ~flag) | (is_on ? flag : 0);
    resp_write_ok(call->reply);
}

void control_client_no_evict(struct node *node, struct call *call)
{
    set_flag(node, call, SESSION_NO_EVICT);
}

void control_client_no_touch(struct node *node, struct call *call)
{
    set_flag(node, call, SESSION_NO_TOUCH);
}

void control_client_pause(struct node *node, struct call *call)
{
    enum pause_scope scope = PAUSE_ALL;
    int64_t timeout_ms;

    if (call->arg_count > 4) {
        reply_error(node, call,
                    "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT "
                    "HELP.");
        return;
    }
    if (call->arg_count == 4 && bytes_equal_nocase(call->args[3], "WRITE")) {
        scope = PAUSE_WRITES;
    } else if (call->arg_count == 4 && !bytes_equal_nocase(call->args[3], "ALL")) {
        reply_error(node, call, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return;
    }
    if (!timeout_argument(node, call, 2, &timeout_ms)) {
        return;
    }
    waiting_pause(node, PAUSE_BY_CLIENT, mono_add_ms(node->now.mono, timeout_ms), scope);
    resp_write_ok(call->reply);
}

void control_client_unpause(struct node *node, struct call *call)
{
    waiting_unpause(node, PAUSE_BY_CLIENT);
    resp_write_ok(call->reply);
}

void control_client_help(struct node *node, struct call *call)
{
    static const char *const lines[] = {
        "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "GETNAME",
        "    Return the name of the current connection.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current connection.",
        "KILL <ip:port>",
        "    Close the connection with the address.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Close connections; options: ADDR, LADDR, TYPE, USER, SKIPME, ID, MAXAGE.",
        "LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB)] [ID <id> ...]",
        "    List connections.",
        "NO-EVICT (ON|OFF)",
        "    Protect the connection from being closed to save memory.",
        "NO-TOUCH (ON|OFF)",
        "    Do not count this connection's commands as use of keys.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend clients for so many milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETINFO (LIB-NAME|LIB-VER) <text>",
        "    Say which client library this is.",
        "SETNAME <name>",
        "    Give the current connection a name.",
        "UNPAUSE",
        "    End the pause.",
    };

    (void)node;
    reply_help(call, lines, ARRAY_COUNT(lines));
}
