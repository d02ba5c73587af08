/* SPDX-License-Identifier: MIT */
/* Client-side caching: CLIENT TRACKING, CACHING, GETREDIR, TRACKINGINFO. */
#include "control/answer.h"
#include "control/control.h"
#include "node/inside.h"

#include "base/num.h"

/* The words of CLIENT TRACKING. */
struct wish {
    struct tracking_options options;
    VEC(struct bytes) prefixes;
    bool is_bcast;
    bool is_optin;
    bool is_optout;
};

static bool read_redirect(struct node *node, struct request *request, struct bytes word,
                          struct wish *wish)
{
    int64_t id;

    if (wish->options.redirect != 0) {
        reply_error(request, "ERR A client can only redirect to a single other client");
        return false;
    }
    if (!num_parse_i64(word, &id)) {
        reply_error(request, "ERR value is not an integer or out of range");
        return false;
    }
    /* Its end would be told anyhow, but a wrong number is better told now. */
    if (id <= 0 || session_find(&node->sessions, (uint64_t)id) == NULL) {
        reply_error(request, "ERR The client ID you want redirect to does not exist");
        return false;
    }
    wish->options.redirect = (uint64_t)id;
    return true;
}

static bool read_wish(struct node *node, struct request *request, struct wish *wish)
{
    for (size_t i = 3; i < request->arg_count; i++) {
        struct bytes word = request->args[i];
        bool has_more = i + 1 < request->arg_count;

        if (bytes_equal_nocase(word, "REDIRECT") && has_more) {
            if (!read_redirect(node, request, request->args[++i], wish)) {
                return false;
            }
        } else if (bytes_equal_nocase(word, "BCAST")) {
            wish->is_bcast = true;
        } else if (bytes_equal_nocase(word, "OPTIN")) {
            wish->is_optin = true;
        } else if (bytes_equal_nocase(word, "OPTOUT")) {
            wish->is_optout = true;
        } else if (bytes_equal_nocase(word, "NOLOOP")) {
            wish->options.is_noloop = true;
        } else if (bytes_equal_nocase(word, "PREFIX") && has_more) {
            VEC_PUSH(&wish->prefixes, request->args[++i]);
        } else {
            reply_error(request, "ERR syntax error");
            return false;
        }
    }
    return true;
}

/* Why the wish cannot be, or NULL. */
static const char *find_conflict(const struct session *s, const struct wish *wish)
{
    const struct tracker *tracker = s->tracker;

    if (!wish->is_bcast && wish->prefixes.count > 0) {
        return "PREFIX option requires BCAST mode to be enabled";
    }
    if (tracker != NULL && (tracker->mode == TRACKING_BCAST) != wish->is_bcast) {
        return "You can't switch BCAST mode on/off before disabling tracking for this client, and "
               "then re-enabling it with a different mode.";
    }
    if (wish->is_bcast && (wish->is_optin || wish->is_optout)) {
        return "OPTIN and OPTOUT are not compatible with BCAST";
    }
    if (wish->is_optin && wish->is_optout) {
        return "You can't specify both OPTIN mode and OPTOUT mode";
    }
    if (tracker != NULL && ((wish->is_optin && tracker->mode == TRACKING_OPTOUT) ||
                            (wish->is_optout && tracker->mode == TRACKING_OPTIN))) {
        return "You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and "
               "then re-enabling it with a different mode.";
    }
    return NULL;
}

static bool are_prefixes_fine(struct request *request, const struct wish *wish)
{
    struct tracking_clash clash;
    struct bytes a, b;

    if (!tracking_find_clash(request->session, wish->prefixes.items, wish->prefixes.count,
                             &clash)) {
        return true;
    }
    a = bytes_prefix(clash.prefix, clash.prefix.len < 128 ? clash.prefix.len : 128);
    b = bytes_prefix(clash.other, clash.other.len < 128 ? clash.other.len : 128);
    reply_error(request,
                "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client "
                "must not overlap.",
                BYTES_ARGS(a), clash.is_own ? "an existing" : "another provided", BYTES_ARGS(b));
    return false;
}

static enum tracking_mode mode_of(const struct wish *wish)
{
    if (wish->is_bcast) {
        return TRACKING_BCAST;
    }
    return wish->is_optin ? TRACKING_OPTIN : wish->is_optout ? TRACKING_OPTOUT : TRACKING_KEYS;
}

static void begin(struct node *node, struct request *request, struct wish *wish)
{
    struct session *s = request->session;
    const char *conflict = find_conflict(s, wish);

    if (conflict != NULL) {
        reply_error(request, "ERR %s", conflict);
        return;
    }
    if (!are_prefixes_fine(request, wish)) {
        return;
    }
    wish->options.mode = mode_of(wish);
    wish->options.prefixes = wish->prefixes.items;
    wish->options.prefix_count = wish->prefixes.count;
    invalidation_begin(node, s, &wish->options);
    resp_write_ok(request->reply);
}

void control_client_tracking(struct node *node, struct request *request)
{
    struct wish wish = {0};

    if (read_wish(node, request, &wish)) {
        if (bytes_equal_nocase(request->args[2], "ON")) {
            begin(node, request, &wish);
        } else if (bytes_equal_nocase(request->args[2], "OFF")) {
            invalidation_end(node, request->session);
            resp_write_ok(request->reply);
        } else {
            reply_error(request, "ERR syntax error");
        }
    }
    VEC_DEINIT(&wish.prefixes);
}

void control_client_caching(struct node *node, struct request *request)
{
    struct session *s = request->session;
    bool is_yes = bytes_equal_nocase(request->args[2], "YES");

    (void)node;
    if (s->tracker == NULL) {
        reply_error(request, "ERR CLIENT CACHING can be called only when the client is in tracking "
                             "mode with OPTIN or OPTOUT mode enabled");
    } else if (!is_yes && !bytes_equal_nocase(request->args[2], "NO")) {
        reply_error(request, "ERR syntax error");
    } else if (is_yes && s->tracker->mode != TRACKING_OPTIN) {
        reply_error(request, "ERR CLIENT CACHING YES is only valid when tracking is enabled in "
                             "OPTIN mode.");
    } else if (!is_yes && s->tracker->mode != TRACKING_OPTOUT) {
        reply_error(request, "ERR CLIENT CACHING NO is only valid when tracking is enabled in "
                             "OPTOUT mode.");
    } else {
        s->flags |= SESSION_CACHING;
        resp_write_ok(request->reply);
    }
}

void control_client_getredir(struct node *node, struct request *request)
{
    (void)node;
    resp_write_integer(request->reply, session_redirection(request->session));
}

void control_client_trackinginfo(struct node *node, struct request *request)
{
    const struct session *s = request->session;
    const struct tracker *tracker = s->tracker;
    const char *flags[8];
    size_t count = 0;

    (void)node;
    flags[count++] = tracker != NULL ? "on" : "off";
    if (tracker != NULL) {
        bool is_caching = (s->flags & SESSION_CACHING) != 0;

        if (tracker->mode == TRACKING_BCAST) {
            flags[count++] = "bcast";
        } else if (tracker->mode == TRACKING_OPTIN) {
            flags[count++] = "optin";
        } else if (tracker->mode == TRACKING_OPTOUT) {
            flags[count++] = "optout";
        }
        if (is_caching) {
            flags[count++] = tracker->mode == TRACKING_OPTIN ? "caching-yes" : "caching-no";
        }
        if (tracker->is_noloop) {
            flags[count++] = "noloop";
        }
        if (tracker->is_broken) {
            flags[count++] = "broken_redirect";
        }
    }
    resp_write_map(request->reply, 3);
    resp_write_bulk_text(request->reply, "flags");
    resp_write_set(request->reply, count);
    for (size_t i = 0; i < count; i++) {
        resp_write_bulk_text(request->reply, flags[i]);
    }
    resp_write_bulk_text(request->reply, "redirect");
    resp_write_integer(request->reply, session_redirection(s));
    resp_write_bulk_text(request->reply, "prefixes");
    resp_write_array(request->reply, tracker != NULL ? tracker->prefixes.count : 0);
    for (size_t i = 0; tracker != NULL && i < tracker->prefixes.count; i++) {
        resp_write_bulk(request->reply, tracker->prefixes.items[i]->by_name.key);
    }
}
