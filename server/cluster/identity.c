/* SPDX-License-Identifier: MIT */
/* Syntax of ids, hostnames and addresses. */
#include "cluster/identity.h"

#include <string.h>

bool cluster_id_parse(struct bytes text, struct cluster_id *out)
{
    if (text.len != CLUSTER_ID_LEN) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.data[i];

        if (!((ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f'))) {
            return false;
        }
    }
    bytes_to_text(text, out->text, sizeof(out->text));
    return true;
}

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool is_letter(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

bool cluster_hostname_is_valid(struct bytes text)
{
    if (text.len == 0 || text.len >= CLUSTER_HOSTNAME_SIZE) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.data[i];

        if (!is_digit(ch) && !is_letter(ch) && ch != '.' && ch != '-' && ch != '_') {
            return false;
        }
    }
    return true;
}

bool cluster_ip_is_valid(struct bytes text)
{
    bool has_colon = bytes_find_byte(text, ':') != SIZE_MAX;

    if (text.len == 0 || text.len >= CLUSTER_IP_SIZE ||
        (!has_colon && bytes_find_byte(text, '.') == SIZE_MAX)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char ch = text.data[i];
        bool is_hex = is_digit(ch) || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');

        if (ch != '.' && !(has_colon ? ch == ':' || is_hex : is_digit(ch))) {
            return false;
        }
    }
    return true;
}

bool cluster_address_equal(const struct cluster_address *a, const struct cluster_address *b)
{
    return a->port == b->port && a->bus_port == b->bus_port && strcmp(a->ip, b->ip) == 0 &&
           strcmp(a->hostname, b->hostname) == 0;
}
