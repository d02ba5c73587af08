/* SPDX-License-Identifier: MIT */
/* From the outside in: scheme, what stands before @, what stands behind the slash, the address. */
#include "cli/uri.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "base/num.h"

#include <ctype.h>
#include <string.h>

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

bool uri_parse(struct options *o, const char *uri, struct errmsg *error)
{
    struct bytes rest = bytes_from_text(uri);
    size_t at;
    size_t slash;

    if (bytes_has_prefix(rest, "redis://")) {
        rest = bytes_from(rest, strlen("redis://"));
    } else if (bytes_has_prefix(rest, "starling://")) {
        rest = bytes_from(rest, strlen("starling://"));
    } else {
        errmsg_set(error,
                   "Invalid URI scheme: it must be redis:// or starling:// (TLS is not spoken)");
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
