/* SPDX-License-Identifier: MIT */
#include "control/client_filter.h"

#include "base/assert.h"
#include "base/num.h"
#include "node/reply.h"
#include "node/request.h"
#include "session/acl.h"
#include "session/acl_user.h"

#include <string.h>

enum {
    FIRST_OPTION = 2, /* behind CLIENT and its subcommand */
    SHOWN_BYTES = 64, /* of a word that is not understood */
};

/* Letters that CLIENT LIST shows as flags, here or at other servers, which have clients of more kinds. */
#define KNOWN_FLAGS "AbBcdeEgiIMNoOPrRStTuUx"
#define KNOWN_CAPA  "r"

void client_filter_deinit(struct client_filter *filter)
{
    VEC_DEINIT(&filter->wanted.ids);
    VEC_DEINIT(&filter->unwanted.ids);
}

/* ---- reading ---------------------------------------------------------------------------------- */

struct reading {
    struct client_filter *filter;
    struct request *request;
    enum client_filter_use use;
    const struct client_filter_facts *facts;
    size_t at; /* the word that is read next */
};

static bool refuse(struct reading *r, const char *text)
{
    reply_error(r->request, "ERR %s", text);
    return false;
}

static bool refuse_word(struct reading *r, const char *before, struct bytes word, const char *after)
{
    reply_error(r->request, "ERR %s%.*s%s", before,
                word.len < SHOWN_BYTES ? (int)word.len : SHOWN_BYTES, word.data, after);
    return false;
}

static bool read_type(struct reading *r, struct client_terms *terms, struct bytes word)
{
    static const struct {
        const char *name;
        enum client_type type;
    } names[] = {
        {"normal",  CLIENT_NORMAL },
        {"replica", CLIENT_REPLICA},
        {"slave",   CLIENT_REPLICA},
        {"master",  CLIENT_PRIMARY},
        {"primary", CLIENT_PRIMARY},
        {"pubsub",  CLIENT_PUBSUB },
    };

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        if (bytes_equal_nocase(word, names[i].name)) {
            terms->type = names[i].type;
            return true;
        }
    }
    return refuse_word(r, "Unknown client type '", word, "'");
}

static bool read_db(struct reading *r, struct client_terms *terms, struct bytes word)
{
    int64_t db;

    if (!num_parse_i64(word, &db)) {
        return refuse(r, "value is not an integer or out of range");
    }
    if (db < 0 || db >= (int64_t)r->facts->database_count) {
        return refuse(r, "DB index is out of range");
    }
    terms->has_db = true;
    terms->db = (unsigned)db;
    return true;
}

static bool has_only(struct bytes word, const char *letters)
{
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] == '\0' || strchr(letters, word.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static bool read_text(struct reading *r, struct client_terms *terms, enum client_text text,
                      struct bytes word)
{
    if (text == CLIENT_TEXT_USER && acl_find(r->facts->acl, word) == NULL) {
        return refuse_word(r, "No such user '", word, "'");
    }
    if (text == CLIENT_TEXT_FLAGS && !has_only(word, KNOWN_FLAGS)) {
        return refuse_word(r, "Unknown flags found in the provided filter: ", word, "");
    }
    if (text == CLIENT_TEXT_CAPA && !has_only(word, KNOWN_CAPA)) {
        return refuse_word(r, "Unknown capa found in the provided filter: ", word, "");
    }
    terms->texts[text] = word;
    return true;
}

/* Words up to the first that is no number; there has to be one. */
static bool read_ids(struct reading *r, struct client_terms *terms)
{
    const char *error =
        r->use == CLIENT_FILTER_LIST ? "Invalid client ID" : "client-id should be greater than 0";
    size_t before = terms->ids.count;

    if (r->at == r->request->arg_count) {
        return refuse(r, "syntax error");
    }
    for (; r->at < r->request->arg_count; r->at++) {
        int64_t id;

        if (!num_parse_i64(r->request->args[r->at], &id)) {
            break;
        }
        if (id < 1 && r->use == CLIENT_FILTER_KILL) {
            return refuse(r, error);
        }
        VEC_PUSH(&terms->ids, id);
    }
    return terms->ids.count > before || refuse(r, error);
}

static bool read_seconds(struct reading *r, const char *name, struct bytes word, int64_t *seconds)
{
    if (!num_parse_i64(word, seconds)) {
        reply_error(r->request, "ERR %s is not an integer or out of range", name);
        return false;
    }
    if (*seconds < 1) {
        reply_error(r->request, "ERR %s should be greater than 0", name);
        return false;
    }
    return true;
}

enum option {
    OPTION_ID,
    OPTION_TYPE,
    OPTION_DB,
    OPTION_TEXT,
    OPTION_MAXAGE, /* from here on without NOT- */
    OPTION_IDLE,
    OPTION_SKIPME,
};

static const struct option_name {
    const char *name;
    enum option option;
    enum client_text text;
} option_names[] = {
    {"ID",       OPTION_ID,     CLIENT_TEXT_COUNT   },
    {"TYPE",     OPTION_TYPE,   CLIENT_TEXT_COUNT   },
    {"DB",       OPTION_DB,     CLIENT_TEXT_COUNT   },
    {"ADDR",     OPTION_TEXT,   CLIENT_TEXT_ADDR    },
    {"LADDR",    OPTION_TEXT,   CLIENT_TEXT_LADDR   },
    {"IP",       OPTION_TEXT,   CLIENT_TEXT_IP      },
    {"USER",     OPTION_TEXT,   CLIENT_TEXT_USER    },
    {"NAME",     OPTION_TEXT,   CLIENT_TEXT_NAME    },
    {"LIB-NAME", OPTION_TEXT,   CLIENT_TEXT_LIB_NAME},
    {"LIB-VER",  OPTION_TEXT,   CLIENT_TEXT_LIB_VER },
    {"FLAGS",    OPTION_TEXT,   CLIENT_TEXT_FLAGS   },
    {"CAPA",     OPTION_TEXT,   CLIENT_TEXT_CAPA    },
    {"MAXAGE",   OPTION_MAXAGE, CLIENT_TEXT_COUNT   },
    {"IDLE",     OPTION_IDLE,   CLIENT_TEXT_COUNT   },
    {"SKIPME",   OPTION_SKIPME, CLIENT_TEXT_COUNT   },
};

static const struct option_name *find_option(struct bytes word, bool *is_not)
{
    struct bytes name = word;

    *is_not = word.len > 4 && bytes_equal_nocase(bytes_prefix(word, 4), "NOT-");
    if (*is_not) {
        name = bytes_from(word, 4);
    }
    for (size_t i = 0; i < ARRAY_COUNT(option_names); i++) {
        if (bytes_equal_nocase(name, option_names[i].name) &&
            !(*is_not && option_names[i].option >= OPTION_MAXAGE)) {
            return &option_names[i];
        }
    }
    return NULL;
}

static bool read_value(struct reading *r, const struct option_name *found,
                       struct client_terms *terms, struct bytes value)
{
    switch (found->option) {
    case OPTION_ID:
        break;
    case OPTION_TYPE:
        return read_type(r, terms, value);
    case OPTION_DB:
        return read_db(r, terms, value);
    case OPTION_TEXT:
        return read_text(r, terms, found->text, value);
    case OPTION_MAXAGE:
        return read_seconds(r, "maxage", value, &r->filter->min_age_s);
    case OPTION_IDLE:
        return read_seconds(r, "idle", value, &r->filter->min_idle_s);
    case OPTION_SKIPME:
        r->filter->skips_self = bytes_equal_nocase(value, "yes");
        return r->filter->skips_self || bytes_equal_nocase(value, "no") ||
               refuse(r, "syntax error");
    }
    return false;
}

static bool read_option(struct reading *r)
{
    bool is_not;
    bool is_behind_ids = r->at > FIRST_OPTION && r->use == CLIENT_FILTER_LIST &&
                         r->filter->wanted.ids.count == r->at - FIRST_OPTION - 1;
    const struct option_name *found = find_option(r->request->args[r->at], &is_not);
    struct client_terms *terms = is_not ? &r->filter->unwanted : &r->filter->wanted;

    if (found == NULL) {
        return refuse(r, is_behind_ids ? "Invalid client ID" : "syntax error");
    }
    r->at++;
    if (found->option == OPTION_ID) {
        return read_ids(r, terms);
    }
    if (r->at == r->request->arg_count) {
        return refuse(r, "syntax error");
    }
    return read_value(r, found, terms, r->request->args[r->at++]);
}

bool client_filter_read(struct client_filter *filter, struct request *request,
                        enum client_filter_use use, const struct client_filter_facts *facts)
{
    struct reading r = {
        .filter = filter, .request = request, .use = use, .facts = facts, .at = FIRST_OPTION};

    ASSERT(facts->database_count > 0);
    while (r.at < request->arg_count) {
        if (!read_option(&r)) {
            return false;
        }
    }
    return true;
}

/* ---- matching --------------------------------------------------------------------------------- */

static enum client_type type_of(const struct session *s)
{
    if (s->flags & SESSION_REPLICA) {
        return CLIENT_REPLICA;
    }
    return (s->flags & SESSION_SUBSCRIBED) ? CLIENT_PUBSUB : CLIENT_NORMAL;
}

/* The address without its port, and without the brackets of IPv6. */
static struct bytes ip_of(const struct session *s)
{
    struct bytes address = bytes_from_text(s->peer.address);
    size_t len = address.len;

    while (len > 0 && address.data[len - 1] != ':') {
        len--;
    }
    address = bytes_prefix(address, len > 0 ? len - 1 : 0);
    if (address.len >= 2 && address.data[0] == '[' && address.data[address.len - 1] == ']') {
        address = bytes_make(address.data + 1, address.len - 2);
    }
    return address;
}

static bool has_letters(struct bytes letters, struct bytes of)
{
    for (size_t i = 0; i < letters.len; i++) {
        if (bytes_find_byte(of, letters.data[i]) == SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static bool has_flags(const struct session *s, struct bytes letters)
{
    struct buf flags = {0};
    bool has_all;

    session_describe_flags(s, &flags);
    has_all = has_letters(letters, buf_bytes(&flags));
    buf_deinit(&flags);
    return has_all;
}

static bool has_text(const struct session *s, enum client_text text, struct bytes wanted)
{
    switch (text) {
    case CLIENT_TEXT_ADDR:
        return bytes_equal_text(wanted, s->peer.address);
    case CLIENT_TEXT_LADDR:
        return bytes_equal_text(wanted, s->peer.local);
    case CLIENT_TEXT_IP:
        return bytes_equal(wanted, ip_of(s));
    case CLIENT_TEXT_USER:
        return bytes_equal(wanted,
                           s->user != NULL ? buf_bytes(&s->user->name) : BYTES_LITERAL("default"));
    case CLIENT_TEXT_NAME:
        return bytes_equal(wanted, buf_bytes(&s->name));
    case CLIENT_TEXT_LIB_NAME:
        return bytes_equal(wanted, buf_bytes(&s->lib_name));
    case CLIENT_TEXT_LIB_VER:
        return bytes_equal(wanted, buf_bytes(&s->lib_version));
    case CLIENT_TEXT_FLAGS:
        return has_flags(s, wanted);
    case CLIENT_TEXT_CAPA:
        return has_letters(wanted, bytes_from_text(session_capabilities(s)));
    case CLIENT_TEXT_COUNT:
        break;
    }
    return false;
}

static bool has_id(const struct client_terms *terms, uint64_t id)
{
    for (size_t i = 0; i < terms->ids.count; i++) {
        if (terms->ids.items[i] > 0 && (uint64_t)terms->ids.items[i] == id) {
            return true;
        }
    }
    return false;
}

static bool is_all_of(const struct client_terms *terms, const struct session *s)
{
    for (int text = 0; text < CLIENT_TEXT_COUNT; text++) {
        if (terms->texts[text].data != NULL &&
            !has_text(s, (enum client_text)text, terms->texts[text])) {
            return false;
        }
    }
    return (terms->type == CLIENT_ANY || terms->type == type_of(s)) &&
           (!terms->has_db || terms->db == s->db) &&
           (terms->ids.count == 0 || has_id(terms, s->id));
}

static bool is_any_of(const struct client_terms *terms, const struct session *s)
{
    for (int text = 0; text < CLIENT_TEXT_COUNT; text++) {
        if (terms->texts[text].data != NULL &&
            has_text(s, (enum client_text)text, terms->texts[text])) {
            return true;
        }
    }
    return terms->type == type_of(s) || (terms->has_db && terms->db == s->db) ||
           has_id(terms, s->id);
}

bool client_filter_matches(const struct client_filter *filter, const struct session *s,
                           const struct session *self, struct mono_time now)
{
    return !(filter->skips_self && s == self) &&
           mono_ms_between(s->created_at, now) / 1000 >= filter->min_age_s &&
           mono_ms_between(s->active_at, now) / 1000 >= filter->min_idle_s &&
           is_all_of(&filter->wanted, s) && !is_any_of(&filter->unwanted, s);
}
