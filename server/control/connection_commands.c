/* SPDX-License-Identifier: MIT */
/* Commands about the connection itself: PING, ECHO, HELLO, AUTH, SELECT, QUIT, RESET and the
 * cluster's READONLY, READWRITE, ASKING. */
#include "control/answer.h"
#include "control/client.h"
#include "control/control.h"
#include "node/inside.h"
#include "session/hot_reads.h"

#include "base/num.h"
#include "node/version.h"

void control_ping(struct node *node, struct request *request)
{
    const struct session *s = request->session;

    (void)node;
    if (request->arg_count > 2) {
        reply_error(request, "ERR wrong number of arguments for 'ping' command");
    } else if ((s->flags & SESSION_SUBSCRIBED) && s->protocol == 2) {
        /* As a message looks, so that clients can tell them apart. */
        resp_write_array(request->reply, 2);
        resp_write_bulk_text(request->reply, "pong");
        resp_write_bulk(request->reply,
                        request->arg_count == 2 ? request->args[1] : BYTES_LITERAL(""));
    } else if (request->arg_count == 2) {
        resp_write_bulk(request->reply, request->args[1]);
    } else {
        resp_write_simple(request->reply, "PONG");
    }
}

void control_echo(struct node *node, struct request *request)
{
    (void)node;
    resp_write_bulk(request->reply, request->args[1]);
}

static bool authenticate(struct node *node, struct request *request, struct bytes user,
                         struct bytes password)
{
    if (users_log_in(node, request->session, user, password)) {
        return true;
    }
    users_refuse_log_in(node, request, user);
    return false;
}

void control_auth(struct node *node, struct request *request)
{
    struct bytes user = request->arg_count == 3 ? request->args[1] : BYTES_LITERAL("default");

    if (request->arg_count > 3) {
        reply_error(request, "ERR syntax error");
        return;
    }
    if (request->arg_count == 2 && (node->users.acl.default_user->flags & ACL_USER_NOPASS) != 0) {
        reply_error(request,
                    "ERR AUTH <password> called without any password configured for the default "
                    "user. Are you sure your configuration is correct?");
        return;
    }
    if (authenticate(node, request, user, request->args[request->arg_count - 1])) {
        resp_write_ok(request->reply);
    }
}

static void reply_hello(struct node *node, struct request *request)
{
    struct resp_writer *w = request->reply;

    resp_write_map(w, 7);
    resp_write_bulk_text(w, "server");
    resp_write_bulk_text(w, "redis");
    resp_write_bulk_text(w, "version");
    resp_write_bulk_text(w, STARLING_REDIS_VERSION);
    resp_write_bulk_text(w, "proto");
    resp_write_integer(w, w->version);
    resp_write_bulk_text(w, "id");
    resp_write_integer(w, (int64_t)request->session->id);
    resp_write_bulk_text(w, "mode");
    resp_write_bulk_text(w, node->cluster != NULL ? "cluster" : "standalone");
    resp_write_bulk_text(w, "role");
    resp_write_bulk_text(w, role_is_replica(node) ? "replica" : "master");
    resp_write_bulk_text(w, "modules");
    resp_write_array(w, 0);
}

/* The options of HELLO behind the version: AUTH and SETNAME. */
static bool hello_options(struct node *node, struct request *request, struct bytes *name)
{
    for (size_t i = 2; i < request->arg_count;) {
        size_t left = request->arg_count - i - 1;

        if (bytes_equal_nocase(request->args[i], "AUTH") && left >= 2) {
            if (!authenticate(node, request, request->args[i + 1], request->args[i + 2])) {
                return false;
            }
            i += 3;
        } else if (bytes_equal_nocase(request->args[i], "SETNAME") && left >= 1) {
            *name = request->args[i + 1];
            if (!client_name_is_valid(*name)) {
                reply_error(request, "ERR Client names cannot contain spaces, newlines or "
                                     "special characters.");
                return false;
            }
            i += 2;
        } else {
            reply_error(request, "ERR Syntax error in HELLO option '%.*s'",
                        request->args[i].len < 64 ? (int)request->args[i].len : 64,
                        request->args[i].data);
            return false;
        }
    }
    return true;
}

void control_hello(struct node *node, struct request *request)
{
    struct bytes name = {0};
    int64_t version = request->session->protocol;

    if (request->arg_count >= 2) {
        if (!num_parse_i64(request->args[1], &version)) {
            reply_error(request, "ERR Protocol version is not an integer or out of range");
            return;
        }
        if (version != 2 && version != 3) {
            reply_error(request, "NOPROTO unsupported protocol version");
            return;
        }
    }
    if (!hello_options(node, request, &name)) {
        return;
    }
    if (!(request->session->flags & SESSION_AUTHENTICATED)) {
        reply_error(request,
                    "NOAUTH HELLO must be called with the client already authenticated, otherwise "
                    "the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the "
                    "client and select the RESP protocol version at the same time");
        return;
    }
    if (name.data != NULL) {
        client_set_text(&request->session->name, name);
    }
    request->session->protocol = (int)version;
    request->reply->version = (int)version;
    reply_hello(node, request);
}

void control_select(struct node *node, struct request *request)
{
    int64_t db;

    if (!num_parse_i64(request->args[1], &db)) {
        reply_error(request, "ERR value is not an integer or out of range");
    } else if (db < INT32_MIN || db > INT32_MAX) {
        reply_error(request, "ERR value is out of range, value must between -2147483648 and "
                             "2147483647");
    } else if (node->cluster != NULL && db != 0) {
        reply_error(request, "ERR SELECT is not allowed in cluster mode");
    } else if (db < 0 || db >= node->config.databases) {
        reply_error(request, "ERR DB index is out of range");
    } else {
        request->session->db = (unsigned)db;
        resp_write_ok(request->reply);
    }
}

void control_quit(struct node *node, struct request *request)
{
    resp_write_ok(request->reply);
    node_close_session(node, request->session, true);
}

void control_reset(struct node *node, struct request *request)
{
    struct session *s = request->session;

    s->flags &= ~(uint32_t)(SESSION_CLUSTER_READONLY | SESSION_ASKING | SESSION_REPLY_OFF |
                            SESSION_REPLY_SKIP | SESSION_REPLY_SKIP_NEXT | SESSION_NO_EVICT |
                            SESSION_NO_TOUCH);
    users_log_out(node, s);
    publish_leave(node, s);
    monitor_end(node, s);
    invalidation_end(node, s);
    transaction_drop(node, s);
    s->db = 0;
    s->protocol = 2;
    request->reply->version = 2;
    buf_deinit(&s->name);
    hot_reads_free(&s->hot_reads);
    resp_write_simple(request->reply, "RESET");
}

/* Outside a cluster it says what REDIRECT is told for. */
static bool may_choose_role(const struct node *node, struct request *request)
{
    return (request->session->flags & SESSION_CAPA_REDIRECT) || answer_has_cluster(node, request);
}

void control_readonly(struct node *node, struct request *request)
{
    if (may_choose_role(node, request)) {
        request->session->flags |= SESSION_CLUSTER_READONLY;
        resp_write_ok(request->reply);
    }
}

void control_readwrite(struct node *node, struct request *request)
{
    if (may_choose_role(node, request)) {
        request->session->flags &= ~(uint32_t)SESSION_CLUSTER_READONLY;
        resp_write_ok(request->reply);
    }
}

void control_asking(struct node *node, struct request *request)
{
    if (answer_has_cluster(node, request)) {
        request->session->flags |= SESSION_ASKING;
        resp_write_ok(request->reply);
    }
}
