/* SPDX-License-Identifier: MIT */
/* CLIENT and its subcommands. */
#include "control/answer.h"
#include "control/client.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/num.h"

void control_client(struct node *node, struct request *request)
{
    (void)node;
    /* Reached only without a subcommand, which the arity forbids. */
    reply_unknown_sub(request);
}

void control_client_id(struct node *node, struct request *request)
{
    (void)node;
    resp_write_integer(request->reply, (int64_t)request->session->id);
}

void control_client_getname(struct node *node, struct request *request)
{
    (void)node;
    if (request->session->name.len > 0) {
        resp_write_bulk(request->reply, buf_bytes(&request->session->name));
    } else {
        resp_write_null(request->reply);
    }
}

void control_client_setname(struct node *node, struct request *request)
{
    (void)node;
    if (!client_name_is_valid(request->args[2])) {
        reply_error(request,
                    "ERR Client names cannot contain spaces, newlines or special characters.");
        return;
    }
    client_set_text(&request->session->name, request->args[2]);
    resp_write_ok(request->reply);
}

void control_client_setinfo(struct node *node, struct request *request)
{
    struct bytes option = request->args[2];
    struct session *s = request->session;

    (void)node;
    if (!bytes_equal_nocase(option, "LIB-NAME") && !bytes_equal_nocase(option, "LIB-VER")) {
        reply_error(request, "ERR Unrecognized option '%.*s'",
                    option.len < 64 ? (int)option.len : 64, option.data);
        return;
    }
    if (!client_name_is_valid(request->args[3])) {
        reply_error(request, "ERR %s cannot contain spaces, newlines or special characters.",
                    bytes_equal_nocase(option, "LIB-NAME") ? "lib-name" : "lib-ver");
        return;
    }
    client_set_text(bytes_equal_nocase(option, "LIB-NAME") ? &s->lib_name : &s->lib_version,
                    request->args[3]);
    resp_write_ok(request->reply);
}

void control_client_info(struct node *node, struct request *request)
{
    struct buf text = {0};

    session_describe(request->session, node->now.mono, &text);
    buf_append_byte(&text, '\n');
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
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
    const struct acl_user *user; /* NULL: any */
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

static enum client_type type_of(const struct session *s)
{
    if (s->flags & SESSION_REPLICA) {
        return CLIENT_REPLICA;
    }
    return (s->flags & SESSION_SUBSCRIBED) ? CLIENT_PUBSUB : CLIENT_NORMAL;
}

static bool matches(const struct node *node, const struct filter *filter, const struct session *s,
                    const struct session *self)
{
    enum client_type type = type_of(s);

    return (filter->type == CLIENT_ANY || filter->type == type) && has_id(filter, s->id) &&
           (filter->id == 0 || filter->id == s->id) &&
           (filter->address.data == NULL || bytes_equal_text(filter->address, s->peer.address)) &&
           (filter->local.data == NULL || bytes_equal_text(filter->local, s->peer.local)) &&
           (filter->max_age_s == 0 ||
            mono_ms_between(s->created_at, node->now.mono) / 1000 >= filter->max_age_s) &&
           (filter->user == NULL || filter->user == s->user) && !(filter->skips_self && s == self);
}

void control_client_list(struct node *node, struct request *request)
{
    struct filter filter = {0};
    struct buf text = {0};
    uint64_t id;

    if (request->arg_count == 4 && bytes_equal_nocase(request->args[2], "TYPE")) {
        if (!parse_type(request->args[3], &filter.type)) {
            reply_error(request, "ERR Unknown client type '%.*s'",
                        request->args[3].len < 64 ? (int)request->args[3].len : 64,
                        request->args[3].data);
            return;
        }
    } else if (request->arg_count >= 4 && bytes_equal_nocase(request->args[2], "ID")) {
        filter.ids = request->args + 3;
        filter.id_count = request->arg_count - 3;
        for (size_t i = 0; i < filter.id_count; i++) {
            if (!num_parse_u64(filter.ids[i], &id) || id == 0) {
                reply_error(request, "ERR Invalid client ID");
                return;
            }
        }
    } else if (request->arg_count != 2) {
        reply_error(request, "ERR syntax error");
        return;
    }
    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        if (!(s->flags & SESSION_CLOSED) && matches(node, &filter, s, request->session)) {
            session_describe(s, node->now.mono, &text);
            buf_append_byte(&text, '\n');
        }
    }
    resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
    buf_deinit(&text);
}

/* One pair of option and value of CLIENT KILL. */
static bool kill_option(struct node *node, struct request *request, size_t at,
                        struct filter *filter)
{
    struct bytes option = request->args[at];
    struct bytes value = request->args[at + 1];

    if (bytes_equal_nocase(option, "ID")) {
        if (!num_parse_u64(value, &filter->id) || filter->id == 0) {
            reply_error(request, "ERR client-id should be greater than 0");
            return false;
        }
    } else if (bytes_equal_nocase(option, "TYPE")) {
        if (!parse_type(value, &filter->type)) {
            reply_error(request, "ERR Unknown client type '%.*s'",
                        value.len < 64 ? (int)value.len : 64, value.data);
            return false;
        }
    } else if (bytes_equal_nocase(option, "ADDR")) {
        filter->address = value;
    } else if (bytes_equal_nocase(option, "LADDR")) {
        filter->local = value;
    } else if (bytes_equal_nocase(option, "USER")) {
        filter->user = acl_find(&node->users.acl, value);
        if (filter->user == NULL) {
            reply_error(request, "ERR No such user '%.*s'", value.len < 64 ? (int)value.len : 64,
                        value.data);
            return false;
        }
    } else if (bytes_equal_nocase(option, "MAXAGE")) {
        if (!num_parse_i64(value, &filter->max_age_s) || filter->max_age_s < 1) {
            reply_error(request, "ERR maxage is not an integer or out of range");
            return false;
        }
    } else if (bytes_equal_nocase(option, "SKIPME") &&
               (bytes_equal_nocase(value, "yes") || bytes_equal_nocase(value, "no"))) {
        filter->skips_self = bytes_equal_nocase(value, "yes");
    } else {
        reply_error(request, "ERR syntax error");
        return false;
    }
    return true;
}

void control_client_kill(struct node *node, struct request *request)
{
    struct filter filter = {.skips_self = true};
    bool is_old_form = request->arg_count == 3;
    int64_t killed = 0;

    if (is_old_form) {
        filter = (struct filter){.address = request->args[2]};
    } else if (request->arg_count % 2 != 0) {
        reply_error(request, "ERR syntax error");
        return;
    }
    for (size_t i = 2; !is_old_form && i < request->arg_count; i += 2) {
        if (!kill_option(node, request, i, &filter)) {
            return;
        }
    }
    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        if (!session_is_closing(s) && matches(node, &filter, s, request->session)) {
            node_close_session(node, s, s == request->session);
            killed++;
        }
    }
    if (!is_old_form) {
        resp_write_integer(request->reply, killed);
    } else if (killed > 0) {
        resp_write_ok(request->reply);
    } else {
        reply_error(request, "ERR No such client");
    }
}

void control_client_unblock(struct node *node, struct request *request)
{
    bool is_error = request->arg_count == 4 && bytes_equal_nocase(request->args[3], "ERROR");
    struct session *s;
    int64_t id;

    if (request->arg_count > 4) {
        reply_sub_misused(request);
        return;
    }
    if (request->arg_count == 4 && !is_error && !bytes_equal_nocase(request->args[3], "TIMEOUT")) {
        reply_error(request, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (!num_parse_i64(request->args[2], &id)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return;
    }
    s = session_find(&node->sessions, (uint64_t)id);
    resp_write_integer(request->reply,
                       s != NULL && !session_is_closing(s) && waiting_unblock(node, s, is_error));
}

void control_client_reply(struct node *node, struct request *request)
{
    struct session *s = request->session;
    struct bytes mode = request->args[2];

    (void)node;
    if (bytes_equal_nocase(mode, "ON")) {
        s->flags &= ~(uint32_t)(SESSION_REPLY_OFF | SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT);
        resp_write_ok(request->reply);
    } else if (bytes_equal_nocase(mode, "OFF")) {
        s->flags |= SESSION_REPLY_OFF;
    } else if (bytes_equal_nocase(mode, "SKIP")) {
        s->flags |= (s->flags & SESSION_REPLY_OFF) ? 0 : SESSION_REPLY_SKIP_NEXT;
    } else {
        reply_error(request, "ERR syntax error");
    }
}

static void set_flag(struct node *node, struct request *request, uint32_t flag)
{
    bool is_on = bytes_equal_nocase(request->args[2], "ON");

    (void)node;
    if (!is_on && !bytes_equal_nocase(request->args[2], "OFF")) {
        reply_error(request, "ERR syntax error");
        return;
    }
    request->session->flags = (request->session->flags & ~flag) | (is_on ? flag : 0);
    resp_write_ok(request->reply);
}

void control_client_no_evict(struct node *node, struct request *request)
{
    set_flag(node, request, SESSION_NO_EVICT);
}

void control_client_no_touch(struct node *node, struct request *request)
{
    set_flag(node, request, SESSION_NO_TOUCH);
}

void control_client_pause(struct node *node, struct request *request)
{
    enum pause_scope scope = PAUSE_ALL;
    int64_t timeout_ms;

    if (request->arg_count > 4) {
        reply_error(request,
                    "ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT "
                    "HELP.");
        return;
    }
    if (request->arg_count == 4 && bytes_equal_nocase(request->args[3], "WRITE")) {
        scope = PAUSE_WRITES;
    } else if (request->arg_count == 4 && !bytes_equal_nocase(request->args[3], "ALL")) {
        reply_error(request, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return;
    }
    if (!answer_read_timeout(request, 2, &timeout_ms)) {
        return;
    }
    waiting_pause(node, PAUSE_BY_CLIENT, mono_add_ms(node->now.mono, timeout_ms), scope);
    resp_write_ok(request->reply);
}

void control_client_unpause(struct node *node, struct request *request)
{
    waiting_unpause(node, PAUSE_BY_CLIENT);
    resp_write_ok(request->reply);
}

void control_client_help(struct node *node, struct request *request)
{
    static const char *const lines[] = {
        "CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "CACHING (YES|NO)",
        "    Tell whether what the next command reads is to be remembered.",
        "GETNAME",
        "    Return the name of the current connection.",
        "GETREDIR",
        "    Return the ID of the connection that is told of changes in place of this one.",
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
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] "
        "[NOLOOP]",
        "    Be told when keys change that this connection has read, or that begin so.",
        "TRACKINGINFO",
        "    Tell of which changes the current connection is told.",
        "UNPAUSE",
        "    End the pause.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
