/* SPDX-License-Identifier: MIT */
/* CLIENT and its subcommands. */
#include "control/answer.h"
#include "control/client.h"
#include "control/client_filter.h"
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

/* What a client can do: others than redirect are none of ours. */
void control_client_capa(struct node *node, struct request *request)
{
    (void)node;
    for (size_t i = 2; i < request->arg_count; i++) {
        if (bytes_equal_nocase(request->args[i], "redirect")) {
            request->session->flags |= SESSION_CAPA_REDIRECT;
        }
    }
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

/* ---- others ----------------------------------------------------------------------------------- */

static bool is_listed(const struct client_filter *filter, const struct session *s,
                      const struct request *request, struct mono_time now)
{
    return s != NULL && !(s->flags & SESSION_CLOSED) &&
           client_filter_matches(filter, s, request->session, now);
}

/* In the order of the ids that were asked for, else the oldest first. */
static void list(const struct node *node, const struct client_filter *filter,
                 const struct request *request, struct buf *out)
{
    for (size_t i = 0; i < filter->wanted.ids.count; i++) {
        const struct session *s =
            session_find(&node->sessions, (uint64_t)filter->wanted.ids.items[i]);

        if (is_listed(filter, s, request, node->now.mono)) {
            session_describe(s, node->now.mono, out);
            buf_append_byte(out, '\n');
        }
    }
    if (filter->wanted.ids.count > 0) {
        return;
    }
    LIST_FOR_EACH (item, &node->sessions.all) {
        const struct session *s = CONTAINER_OF_CONST(item, struct session, all);

        if (is_listed(filter, s, request, node->now.mono)) {
            session_describe(s, node->now.mono, out);
            buf_append_byte(out, '\n');
        }
    }
}

void control_client_list(struct node *node, struct request *request)
{
    const struct client_filter_facts facts = {.database_count = data_database_count(node),
                                              .acl = &node->users.acl};
    struct client_filter filter = {0};
    struct buf text = {0};

    if (client_filter_read(&filter, request, CLIENT_FILTER_LIST, &facts)) {
        list(node, &filter, request, &text);
        resp_write_verbatim(request->reply, "txt", buf_bytes(&text));
        buf_deinit(&text);
    }
    client_filter_deinit(&filter);
}

static int64_t close_matching(struct node *node, const struct client_filter *filter,
                              const struct request *request)
{
    int64_t closed = 0;

    LIST_FOR_EACH (item, &node->sessions.all) {
        struct session *s = CONTAINER_OF(item, struct session, all);

        if (!session_is_closing(s) &&
            client_filter_matches(filter, s, request->session, node->now.mono)) {
            node_close_session(node, s, s == request->session);
            closed++;
        }
    }
    return closed;
}

void control_client_kill(struct node *node, struct request *request)
{
    const struct client_filter_facts facts = {.database_count = data_database_count(node),
                                              .acl = &node->users.acl};
    struct client_filter filter = {0};

    if (request->arg_count == 3) { /* an address alone: the old form */
        filter.wanted.texts[CLIENT_TEXT_ADDR] = request->args[2];
        if (close_matching(node, &filter, request) > 0) {
            resp_write_ok(request->reply);
        } else {
            reply_error(request, "ERR No such client");
        }
        return;
    }
    filter.skips_self = true;
    if (client_filter_read(&filter, request, CLIENT_FILTER_KILL, &facts)) {
        resp_write_integer(request->reply, close_matching(node, &filter, request));
    }
    client_filter_deinit(&filter);
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
        reply_sub_misused(request);
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
        "CAPA <capability> [<capability> ...]",
        "    Say what this client can do: redirect, it understands REDIRECT errors.",
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
        "    Close connections that are all of this:",
        "    ID <id> [<id> ...], TYPE <NORMAL|MASTER|REPLICA|PUBSUB>, ADDR <ip:port>,",
        "    LADDR <ip:port>, IP <ip>, USER <name>, NAME <name>, LIB-NAME <name>,",
        "    LIB-VER <version>, FLAGS <letters>, CAPA <letters>, DB <number>,",
        "    MAXAGE <seconds>: connected for so long, IDLE <seconds>: silent for so long,",
        "    SKIPME <YES|NO>: not the current one (YES);",
        "    NOT- before any but the last three: and nothing of this.",
        "LIST [<option> <value> [<option> <value> [...]]]",
        "    List connections; the same options.",
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
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> ...] [OPTIN|OPTOUT] [NOLOOP]",
        "    Be told when keys change that this connection has read, or that begin so.",
        "TRACKINGINFO",
        "    Tell of which changes the current connection is told.",
        "UNPAUSE",
        "    End the pause.",
    };

    (void)node;
    answer_help(request, lines, ARRAY_COUNT(lines));
}
