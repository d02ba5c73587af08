/* SPDX-License-Identifier: MIT */
/* Syntax of hostnames and addresses. */
#include "cluster/identity.h"

#include "base/assert.h"

#include <arpa/inet.h>
#include <string.h>

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

bool cluster_hostname_may_resolve(struct bytes text)
{
    size_t label = text.len;

    while (label > 0 && text.data[label - 1] != '.') {
        label--;
    }
    for (size_t i = label; i < text.len; i++) {
        if (!is_digit(text.data[i])) {
            return cluster_hostname_is_valid(text);
        }
    }
    return false;
}

bool cluster_ip_parse(struct bytes text, char out[CLUSTER_IP_SIZE])
{
    unsigned char raw[sizeof(struct in6_addr)];
    char copy[CLUSTER_IP_SIZE];
    int family = bytes_find_byte(text, ':') != SIZE_MAX ? AF_INET6 : AF_INET;

    if (text.len == 0 || text.len >= sizeof(copy) || bytes_find_byte(text, '\0') != SIZE_MAX) {
        return false;
    }
    bytes_to_text(text, copy, sizeof(copy));
    if (inet_pton(family, copy, raw) != 1 || inet_ntop(family, raw, out, CLUSTER_IP_SIZE) == NULL) {
        return false;
    }
    ASSERT(out[0] != '\0' && memchr(out, '\0', CLUSTER_IP_SIZE) != NULL);
    return true;
}

bool cluster_ip_is_valid(struct bytes text)
{
    char ip[CLUSTER_IP_SIZE];

    return cluster_ip_parse(text, ip);
}

bool cluster_address_equal(const struct cluster_address *a, const struct cluster_address *b)
{
    return a->port == b->port && a->bus_port == b->bus_port && strcmp(a->ip, b->ip) == 0 &&
           strcmp(a->hostname, b->hostname) == 0;
}
